"""References: by name, by collection and id, and the native collections (evaluation rules, "Refs and ids").

A name that does not exist gives an unresolved ref, which is an error only where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional

from ..language import refs
from ..language import values as v
from ..language.casts import DATABASE, DATABASE_OR_NULL, STRING
from ..language.errors import Fault, Faults
from ..language.registry import Arg, form

if TYPE_CHECKING:
    from ..language.context import Context


@form(Arg("ref"), Arg("id"), optional=(Arg("scope", DATABASE),), settled=True)
def ref(ctx: Context, collection: Any, ref_id: Any, scope: Optional[v.Ref]) -> Any:
    """The ref of a document, by collection and id; the document need not exist.

    id: an Integer or a String of digits. Keys, tokens and credentials have ids too.

    >>> q.ref(q.collection("spells"), "181388642046968320")
    Ref(id=181388642046968320, collection=Ref(id=spells, collection=Ref(id=collections)))
    """
    faults: list[Fault] = []
    number = 0
    try:
        collection = refs.collection_for_documents(collection, "ref")
    except Fault as fault:
        faults.append(fault)
    try:
        number = refs.document_id(ref_id, "id")
    except Fault as fault:
        faults.append(fault)
    if faults:
        raise Faults(faults)
    return refs.document(collection, number)


def _named(key: str, collection: int, what: str, since: str = "2.0") -> Callable[..., Any]:
    def named(ctx: Context, name: str, scope: Optional[v.Ref]) -> Any:
        return refs.named(ctx, collection, name, scope)

    named.__name__ = key
    named.__doc__ = f"""The ref of {what} by name, in this database or in the child database ``scope``.

    >>> q.is_ref(q.{key if key != "class" else "class_"}("no_such_name"))
    True
    """
    return form(Arg(key, STRING), optional=(Arg("scope", DATABASE),), since=since, by_name=True)(named)


database = _named("database", v.DATABASES, "a child database")
index = _named("index", v.INDEXES, "an index")
class_ = _named("class", v.COLLECTIONS, "a collection (old name of ``collection``)")
collection = _named("collection", v.COLLECTIONS, "a collection")
function = _named("function", v.FUNCTIONS, "a user-defined function")
role = _named("role", v.ROLES, "a role")
access_provider = _named("access_provider", v.ACCESS_PROVIDERS, "an access provider", since="4")


def _native(key: str, number: int, since: str = "2.0") -> Callable[..., Any]:
    def native(ctx: Context, scope: Optional[v.Ref]) -> Any:
        return refs.native(ctx, number, scope)

    native.__name__ = key
    native.__doc__ = f"""The native collection of {v.NATIVE_NAMES[number].replace("_", " ")}, usable as their set.

    null: of this database; a database ref: of that one.

    >>> q.is_set(q.{key}())
    True
    """
    return form(Arg(key, DATABASE_OR_NULL), since=since, by_name=True)(native)


databases = _native("databases", v.DATABASES)
indexes = _native("indexes", v.INDEXES)
classes = _native("classes", v.COLLECTIONS)
collections = _native("collections", v.COLLECTIONS)
keys = _native("keys", v.KEYS)
tokens = _native("tokens", v.TOKENS)
credentials = _native("credentials", v.CREDENTIALS)
functions = _native("functions", v.FUNCTIONS)
roles = _native("roles", v.ROLES)
access_providers = _native("access_providers", v.ACCESS_PROVIDERS, since="4")
