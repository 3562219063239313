"""What documents on their way into a database refer to.

A database stores no ref to what it does not have. A ref keeps its name when what it names is deleted, so documents
may well refer to schema that the export does not have: while they are written, a placeholder stands for it.
"""

from __future__ import annotations

from typing import Any

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import BadRequest

__all__ = ["Placeholders", "references"]

#: (native collection, name)
Reference = tuple[str, str]

#: Native collection -> the form that creates an item of it, and its fields beside the name.
_CREATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "databases": ("create_database", {}),
    "indexes": ("create_index", {"source": []}),
    "functions": ("create_function", {"body": {"query": {"lambda": "_", "expr": None}}}),
    "roles": ("create_role", {"privileges": []}),
    "access_providers": ("create_access_provider", {"jwks_uri": "https://localhost/"}),
}


def references(value: Any) -> set[Reference]:
    """Native collection and name of each item that refs inside a literal name, or whose documents they name."""
    found: set[Reference] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending += item
        elif isinstance(item, dict):
            if "@obj" in item and len(item) == 1:
                pending += item["@obj"].values()
            elif "@ref" in item and len(item) == 1:
                owner = item["@ref"].get("collection")
                if owner is not None and "collection" in owner["@ref"]:
                    pending.append(owner)
                elif owner is not None:
                    found.add((owner["@ref"]["id"], item["@ref"]["id"]))
            else:
                pending += item.values()
    return found


class Placeholders:
    """Items that stand for missing ones while documents that refer to them are written.

    made: those that are there now, as lists, for a later run to remove when this one is stopped.
    """

    def __init__(self) -> None:
        self.made: list[list[str]] = []
        self._known: set[Reference] = set()

    def ensure(self, client: FaunaClient, reference: Reference) -> bool:
        """Make a placeholder for what is not in the database; whether it was made."""
        kind, name = reference
        if reference in self._known or kind not in _CREATORS:
            return False
        self._known.add(reference)
        if client.query(q.exists(q._Expr(_ref(kind, name)))):
            return False
        form, fields = _CREATORS[kind]
        # Issuers are unique.
        extra = {"issuer": f"placeholder {name}"} if kind == "access_providers" else {}
        try:
            client.query(q._Expr({form: {"object": {"name": name, **fields, **extra}}}))
        except BadRequest:
            # No item can have that name: whoever refers to it will be refused.
            return False
        self.made.append([kind, name])
        return True

    def remove(self, client: FaunaClient) -> None:
        """Delete them all: refs to them keep their names."""
        while self.made:
            ref = q._Expr(_ref(*self.made[-1]))
            client.query(q.if_(q.exists(ref), q.delete(ref), None))
            self.made.pop()


def _ref(kind: str, name: str) -> Any:
    return {"@ref": {"id": name, "collection": {"@ref": {"id": kind}}}}
