"""What documents of an import refer to, and placeholders for what is missing.

A database refuses a ref to a schema item that it does not have. But a ref outlives the item it names, so documents may
refer to items that the export does not have: while such documents are written, placeholders stand for these items.
"""

from __future__ import annotations

from typing import Any

from faunadb import query as q
from faunadb.cli.connection import first_error
from faunadb.client import FaunaClient
from faunadb.errors import BadRequest, HttpError, PermissionDenied

__all__ = ["Placeholders", "Reference", "references"]

#: (native collection, name)
Reference = tuple[str, str]

_MARK = "placeholder_of_an_import"
_ALL = 100_000

#: Native collection -> the form that creates a placeholder in it, and fields beside the name.
_CREATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "collections": ("create_collection", {}),
    "databases": ("create_database", {}),
    "indexes": ("create_index", {"source": []}),
    "functions": ("create_function", {"body": {"query": {"lambda": "_", "expr": None}}}),
    "roles": ("create_role", {"privileges": []}),
    "access_providers": ("create_access_provider", {"jwks_uri": "https://localhost/"}),
}


def references(value: Any) -> set[Reference]:
    """The schema items that refs inside a literal name: by themselves, or as the collection of a document."""
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

    They are marked in their ``data``, so that a later run finds those of a run that was stopped.
    """

    def __init__(self) -> None:
        self._known: set[Reference] = set()

    def ensure(self, client: FaunaClient, reference: Reference) -> bool:
        """Make a placeholder if the database does not have the item; return whether one was made."""
        kind, name = reference
        if reference in self._known or kind not in _CREATORS:
            return False
        self._known.add(reference)
        if client.query(q.exists(q._Expr({"@ref": {"id": name, "collection": {"@ref": {"id": kind}}}}))):
            return False
        form, given = _CREATORS[kind]
        fields = {"name": name, **given, "data": {"object": {_MARK: True}}}
        if kind == "access_providers":
            fields["issuer"] = f"placeholder {name}"  # they are unique
        try:
            client.query(q._Expr({form: {"object": fields}}))
        except (BadRequest, PermissionDenied):
            # No item can have that name, or the secret may not make it. Documents that refer to it will be refused.
            return False
        return True

    def remove(self, client: FaunaClient) -> list[str]:
        """Delete all placeholders, those of earlier runs too; refs to them keep their names.

        Returns a line for each that cannot be deleted, with the reason.
        """
        staying = []
        for kind in _CREATORS:
            items = q.paginate(q._Expr({kind: None}), size=_ALL)
            marked = q.filter_(lambda ref: q.select(["data", _MARK], q.get(ref), False), items)
            try:
                found = client.query(q.select("data", marked))
            except PermissionDenied:
                continue
            for ref in found:
                try:
                    client.query(q.delete(ref))
                except HttpError as fault:
                    staying.append(
                        f"the placeholder {ref.id()} in {kind} cannot be deleted: {first_error(fault)}"
                    )
        return staying
