"""From literals of the wire straight to the text that is stored, without values in between.

The text is what `language.codec` writes for the value of the literal. The usual kinds are written as they are met.
Anything else (a lambda, a set, a ref to an index, a time with an offset) is parsed, prepared and encoded as in a query.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import date
from typing import TYPE_CHECKING, Any, Callable, Optional

from ..java.numbers import double_to_json
from ..java.times import parse_time_literal
from ..language import values as v
from ..language.codec import StoredWriter
from ..language.errors import bad_request, parse_error
from ..language.parser import parse_query
from ..language.reader import MAX_KEY
from ..language.render import quote
from ..schema.fields import prepare

if TYPE_CHECKING:
    from ..language.context import Context

# texts that are stored as they are, if their days exist
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.([0-9]{3}){1,3})?Z", re.ASCII
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_ID = re.compile(r"0|-?[1-9][0-9]{0,17}", re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")
_COLLECTIONS = {"@ref": {"id": "collections"}}


class LiteralText:
    """Writes the literals of documents of one database, within one transaction. ctx: its context."""

    def __init__(self, ctx: Context):
        self.ctx = ctx
        self._collections: dict[str, int] = {}
        #: kind -> writer of a value's text
        self._kinds: dict[type, Callable[[Any], str]] = {
            str: quote,
            int: repr,
            bool: lambda value: "true" if value else "false",
            float: self._double,
            list: self._array,
            dict: self._object,
        }

    def collection(self, name: str) -> int:
        """The number of a user collection. Raises QueryErrors when there is none of that name."""
        number = self._collections.get(name)
        if number is None:
            found = self.ctx.schema.lookup(self.ctx.scope, v.COLLECTIONS, name)
            if found is None:
                raise parse_error(f"Ref refers to undefined collection '{name}'", None)
            number = self._collections[name] = found.id
        return number

    def fields(self, data: dict[str, Any], ttl: Any) -> tuple[str, Optional[int]]:
        """The stored text of a user document with these members of ``data``, and when it expires, in microseconds.

        ttl: a literal, or None. Raises QueryErrors and RequestError for what cannot be stored.
        """
        inner = self._plain_object(data)
        if not inner.isascii():
            inner = _SURROGATE.sub("?", inner)  # as in a query
        parts = [f'"data":{inner}'] if inner != "{}" else []
        if ttl is None:
            return "{" + ",".join(parts) + "}", None
        moment = parse_time_literal(ttl["@ts"])
        if moment is None:
            raise parse_error("Invalid time.", (None, "ttl"))
        parts.append(f'"ttl":{{"@ts":"{moment}"}}')
        return "{" + ",".join(parts) + "}", moment.nearest_micros()

    def value(self, literal: Any) -> Any:
        """The value of a literal, ready to be stored. Raises QueryErrors."""
        value = parse_query(self.ctx, {"quote": literal}).eval(self.ctx, {})
        return prepare(self.ctx, {"value": value})["value"]

    def _members(self, members: dict[str, Any]) -> str:
        kinds = self._kinds
        parts = []
        for key, value in members.items():
            if value is None:
                continue  # a stored object has none
            kind = type(value)
            text = quote(value) if kind is str else kinds[kind](value)
            if len(key) > MAX_KEY:
                raise bad_request(
                    f"The name of a field has {len(key)} characters, {MAX_KEY} at most are allowed."
                )
            parts.append(quote(key) + ":" + text)
        return ",".join(parts)

    def _array(self, items: list[Any]) -> str:
        kinds = self._kinds
        return "[" + ",".join([kinds[type(item)](item) for item in items if item is not None]) + "]"

    def _object(self, members: dict[str, Any]) -> str:
        if len(members) == 1:
            ((key, content),) = members.items()
            if key[:1] == "@":
                usual = _ESCAPES.get(key)
                text = None if usual is None else usual(self, content)
                return self._general(members) if text is None else text
        return self._plain_object(members)

    def _plain_object(self, members: dict[str, Any]) -> str:
        text = "{" + self._members(members) + "}"
        for key, value in members.items():
            if key[:1] == "@" and value is not None:
                return '{"@obj":' + text + "}"
        return text

    def _general(self, literal: Any) -> str:
        value = self.value(literal)
        text = StoredWriter(self.ctx.tx.txn, self.ctx.scope).text(value)
        return "null" if text is None else text

    def _double(self, value: float) -> str:
        text = double_to_json(value)
        return f'{{"@:double":{text}}}' if text[0] == '"' else text

    # Writers of the usual spellings. They return None for anything that takes the general way.

    def _escaped_object(self, content: Any) -> Optional[str]:
        return self._plain_object(content) if type(content) is dict else None

    def _ref(self, content: Any) -> Optional[str]:
        if type(content) is not dict or len(content) != 2:
            return None
        owner = content.get("collection")
        number = content.get("id")
        owner = owner.get("@ref") if type(owner) is dict and len(owner) == 1 else None
        if type(owner) is not dict or len(owner) != 2 or owner.get("collection") != _COLLECTIONS:
            return None
        name = owner.get("id")
        if type(number) is not str or type(name) is not str or not _ID.fullmatch(number):
            return None
        return f'{{"@:ref":[{self.collection(name)},"{number}"]}}'

    def _time(self, content: Any) -> Optional[str]:
        match = _TIME.fullmatch(content) if type(content) is str else None
        if match is None or match[3] == "000" or not _is_day(match[1]):
            return None
        return f'{{"@ts":"{content}"}}'

    def _date(self, content: Any) -> Optional[str]:
        if type(content) is not str or not _DATE.fullmatch(content) or not _is_day(content):
            return None
        return f'{{"@date":"{content}"}}'

    def _bytes(self, content: Any) -> Optional[str]:
        if type(content) is not str:
            return None
        try:
            raw = base64.b64decode(content.replace("-", "+").replace("_", "/"), validate=True)
        except (binascii.Error, ValueError):
            return None
        return f'{{"@bytes":"{base64.b64encode(raw).decode()}"}}'


_ESCAPES: dict[str, Callable[[LiteralText, Any], Optional[str]]] = {
    "@obj": LiteralText._escaped_object,
    "@ref": LiteralText._ref,
    "@ts": LiteralText._time,
    "@date": LiteralText._date,
    "@bytes": LiteralText._bytes,
}


def _is_day(text: str) -> bool:
    """Whether a day of the form YYYY-MM-DD exists."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


__all__ = ["LiteralText"]
