"""The stored text of a version whose fields differ little from those of the version before it.

Writing all fields of a document anew takes longer than the rest of an update, which mostly changes a member or two of
``data``. So the texts of these are put into the text that is stored already.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Optional

from ..language.codec import StoredWriter, scan
from ..language.render import quote

#: With more members that differ, all is written anew.
_FEW = 8


def respelled(text: str, old: dict[str, Any], new: dict[str, Any], writer: StoredWriter) -> Optional[str]:
    """The stored text of the fields `new`, made from that of the fields `old`; None where it takes writing them.

    It can be made if members of ``data`` have other values or come after the others, and nothing else differs.
    """
    before, after = old.get("data"), new.get("data")
    if type(before) is not dict or type(after) is not dict or len(old) != len(new) or _WRAPPED in text:
        return None
    for key, value in new.items():
        if key != "data" and value is not old.get(key):
            return None
    # An update leaves the very same object where it changes nothing.
    others = {name: value for name, value in after.items() if value is not before.get(name)}
    names = list(after)
    if len(others) > _FEW or list(before) != names[: len(before)]:
        return None
    if len(old) > 1 and len(names) > len(before):
        return None
    return _with_members(text, before, after, others, writer)


def patched(
    text: str, before: dict[str, Any], after: dict[str, Any], patch: dict[str, Any], writer: StoredWriter
) -> Optional[str]:
    """As `respelled`, for fields that are but ``data``, which an update makes `after` of `before` by merging plain data in."""
    if len(patch) > _FEW or _WRAPPED in text:
        return None
    return _with_members(text, before, after, patch, writer)


def _with_members(
    text: str, before: dict[str, Any], after: dict[str, Any], others: Iterable[str], writer: StoredWriter
) -> Optional[str]:
    """The stored text with other values of some members of ``data``. Those that it does not have come after the others."""
    added = {}
    for name in others:
        value = after[name]
        if name not in before:
            added[name] = value
            continue
        start = _value(text, name, before)
        if start is None:
            return None
        end = scan(text, start)[1]
        text = text[:start] + writer.text(value) + text[end:]
    if not added:
        return text
    # A repeated name is not stored, and one with an @ has all of ``data`` wrapped.
    if not before or any(type(name) is not str or name[:1] == "@" for name in added):
        return None
    return f"{text[:-2]},{','.join(writer.members(added))}}}}}"


def _value(text: str, name: str, names: Iterable[str]) -> Optional[int]:
    """Where in the text of a document the value of a member of ``data`` begins; None if that is not clear.

    names: of these members, in their order.
    """
    key = quote(name) + ":"
    if text.count(key) == 1:
        return text.index(key) + len(key)
    # It stands elsewhere, too, such as in an object within ``data``: step over the members before it.
    if not text.startswith(_HEAD):
        return None
    at = len(_HEAD)
    for each in names:
        key = quote(each) + ":"
        if not text.startswith(key, at):
            return None
        at += len(key)
        if each == name:
            return at
        at = scan(text, at)[1] + 1  # and the comma after it
    return None


_HEAD = '{"data":{'
#: How ``data`` is stored that has a name with an @ (`render.Writer.object`).
_WRAPPED = '"data":{"@obj":'
