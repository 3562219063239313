"""The stored text of a version whose fields differ little from those of the version before it.

Writing all fields of a document anew takes longer than the rest of an update, which mostly changes a member or two of
``data``. So the texts of these are put into the text that is stored already.
"""

from __future__ import annotations

from typing import Any, Optional

from ..language.codec import StoredWriter, scan
from ..language.render import quote

#: With more members that differ, all is written anew.
_FEW = 4


def respelled(text: str, old: dict[str, Any], new: dict[str, Any], writer: StoredWriter) -> Optional[str]:
    """The stored text of the fields `new`, made from that of the fields `old`; None where it takes writing them.

    It can be made if members of ``data`` have other values, and nothing else differs.
    """
    before, after = old.get("data"), new.get("data")
    if type(before) is not dict or type(after) is not dict or len(old) != len(new):
        return None
    for key, value in new.items():
        if key != "data" and value is not old.get(key):
            return None
    # An update leaves the very same object where it changes nothing.
    names = [name for name, value in after.items() if value is not before.get(name)]
    if len(names) > _FEW or list(before) != list(after):
        return None
    for name in names:
        start = _value(text, name, after)
        if start is None:
            return None
        known = writer.text(before[name])
        end = start + len(known)
        if not text.startswith(known, start) or text[end] not in ",}":
            return None
        text = text[:start] + writer.text(after[name]) + text[end:]
    return text


def _value(text: str, name: str, data: dict[str, Any]) -> Optional[int]:
    """Where in the text of a document the value of a member of ``data`` begins; None if that is not clear.

    data: has the same members in the same order.
    """
    key = quote(name) + ":"
    if text.count(key) == 1:
        return text.index(key) + len(key)
    # It stands elsewhere, too, such as in an object within ``data``: step over the members before it.
    if not text.startswith(_HEAD):
        return None
    at = len(_HEAD)
    for each in data:
        key = quote(each) + ":"
        if not text.startswith(key, at):
            return None
        at += len(key)
        if each == name:
            return at
        at = scan(text, at)[1] + 1  # and the comma after it
    return None


_HEAD = '{"data":{'
