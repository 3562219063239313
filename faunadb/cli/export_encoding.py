"""Writes documents of FQL v4 as records of an export."""

from __future__ import annotations

import base64
import math
from itertools import islice
from typing import Any

from faunadb.cli.export_format import (
    CREDENTIAL,
    METADATA,
    MODULES,
    Document,
    Names,
    Report,
    bytes_of,
    format_micros,
)

__all__ = ["encode_record"]

_INT32 = range(-(2**31), 2**31)
_NOTHING = object()


def encode_record(
    document: Document, tagged: bool, report: Report, names: Names | None = None
) -> dict[str, Any]:
    """The record of one document.

    :param document: with values as in responses of the wire protocol
    :param tagged: write ``doc_format`` ``tagged`` (else ``simple``)
    :param report: called with the path and the kind of each value that the format cannot hold
    :param names: which collections the export's modules stand for
    """
    encode = _Encoder(tagged, report, names or Names())
    module = CREDENTIAL if document.credentials else encode.names.module(document.collection)
    record: dict[str, Any] = {"id": document.id, "coll": encode.module(module)}
    if document.ts is not None:
        record["ts"] = encode.scalar("@time", format_micros(document.ts))
    if document.ttl is not None:
        record["ttl"] = encode.scalar("@time", document.ttl["@ts"])
    fields = encode.members(document.data, ())
    # Not only the field that collides with metadata goes into ``data``, but all after it too: that keeps their order.
    first = next((number for number, key in enumerate(fields) if key in METADATA), len(fields))
    record.update(islice(fields.items(), first))
    if first < len(fields):
        rest = dict(islice(fields.items(), first, None))
        record["data"] = encode.object(rest)
    return record


class _Encoder:
    """Converts v4 literals to v10 values."""

    def __init__(self, tagged: bool, report: Report, names: Names) -> None:
        self.tagged = tagged
        self.report = report
        self.names = names

    def scalar(self, tag: str, text: str) -> Any:
        return {tag: text} if self.tagged else text

    def module(self, name: str) -> Any:
        return self.scalar("@mod", name)

    def members(self, fields: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        encoded = {}
        for key, value in fields.items():
            result = self.value(value, (*path, key))
            if result is not _NOTHING:
                encoded[key] = result
        return encoded

    def value(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            if len(value) == 1 and next(iter(value)).startswith("@"):
                return self.escape(next(iter(value)), next(iter(value.values())), path)
            return self.members(value, path)
        if isinstance(value, list):
            items = [self.value(item, (*path, str(index))) for index, item in enumerate(value)]
            return [item for item in items if item is not _NOTHING]
        return (
            self.number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
        )

    def object(self, members: dict[str, Any]) -> dict[str, Any]:
        """An object, escaped where a key could be taken for a tag."""
        return {"@object": members} if self.tagged and any(key[:1] == "@" for key in members) else members

    def number(self, value: Any) -> Any:
        if isinstance(value, int):
            return {"@int" if value in _INT32 else "@long": str(value)} if self.tagged else value
        text = _double_text(value)
        if self.tagged:
            return {"@double": text}
        return value if math.isfinite(value) else text

    def escape(self, name: str, value: Any, path: tuple[str, ...]) -> Any:
        if name == "@ref":
            return self.ref(value, path)
        if name == "@obj":
            return self.object(self.members(value, path))
        if name == "@bytes":
            return self.scalar("@bytes", base64.b64encode(bytes_of(value)).decode("ascii"))
        if name in ("@ts", "@date"):
            return self.scalar({"@ts": "@time"}.get(name, name), value)
        if name == "@uuid" and not self.tagged:
            return value
        return self.own({name: value}, {"@query": "a lambda", "@set": "a set"}.get(name, name), path)

    def own(self, literal: Any, what: str, path: tuple[str, ...]) -> Any:
        """A value that v10 does not have: tagged as one of FQL v4, or left out where the format has no tags."""
        if self.tagged:
            return {"@v4": literal}
        self.report(path, what)
        return _NOTHING

    def ref(self, value: dict[str, Any], path: tuple[str, ...]) -> Any:
        """A ref to a document, to a named item or to a collection."""
        owner = value.get("collection", {}).get("@ref")
        if "database" in value or (owner is not None and "database" in owner):
            return self.own({"@ref": value}, "a ref into another database", path)
        if owner is None:
            return self.module(MODULES[value["id"]])
        if "collection" in owner:
            body = {"id": value["id"], "coll": self.module(self.names.module(owner["id"]))}
        elif owner["id"] == "collections":
            return self.module(self.names.module(value["id"]))
        else:
            key = "id" if owner["id"] in ("keys", "tokens", "credentials") else "name"
            body = {key: value["id"], "coll": self.module(MODULES[owner["id"]])}
        return {"@ref": body} if self.tagged else body


def _double_text(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
