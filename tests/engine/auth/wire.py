"""Queries as wire data, written short."""

from __future__ import annotations

from typing import Any, Optional


def obj(**fields: Any) -> dict[str, Any]:
    return {"object": fields}


def coll(name: str, scope: Any = None) -> dict[str, Any]:
    return {"collection": name} if scope is None else {"collection": name, "scope": scope}


def index(name: str) -> dict[str, Any]:
    return {"index": name}


def fn(name: str) -> dict[str, Any]:
    return {"function": name}


def role(name: str) -> dict[str, Any]:
    return {"role": name}


def database(name: str) -> dict[str, Any]:
    return {"database": name}


def ref(collection: Any, number: Any) -> dict[str, Any]:
    return {"ref": coll(collection) if isinstance(collection, str) else collection, "id": str(number)}


def native(name: str, scope: Any = None) -> dict[str, Any]:
    return {name: scope}


def get(what: Any) -> dict[str, Any]:
    return {"get": what}


def create(target: Any, **params: Any) -> dict[str, Any]:
    return {"create": target, "params": obj(**params)}


def data(**fields: Any) -> dict[str, Any]:
    return obj(data=obj(**fields))


def lam(pattern: Any, expr: Any) -> dict[str, Any]:
    return {"query": {"lambda": pattern, "expr": expr}}


def var(name: str) -> dict[str, Any]:
    return {"var": name}


def select(path: Any, source: Any) -> dict[str, Any]:
    return {"select": path, "from": source}


def match(name: str, *terms: Any) -> dict[str, Any]:
    if not terms:
        return {"match": index(name)}
    return {"match": index(name), "terms": terms[0] if len(terms) == 1 else list(terms)}


def paginate(what: Any) -> dict[str, Any]:
    return {"paginate": what}


def documents(name: str) -> dict[str, Any]:
    return {"documents": coll(name)}


def privilege(resource: Any, **actions: Any) -> dict[str, Any]:
    return obj(resource=resource, actions=obj(**actions))


def create_role(name: str, *privileges: Any, membership: Optional[Any] = None) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": name, "privileges": list(privileges)}
    if membership is not None:
        fields["membership"] = membership
    return {"create_role": obj(**fields)}


def make_key(db: Any, role: Any, **more: Any) -> str:
    """The secret of a new key."""
    return str(db.wire({"create_key": obj(role=role, **more)})["secret"])


def denied(db: Any, expression: Any) -> Any:
    """The position of the ``permission denied`` (403) that a query must end with."""
    status, errors = db.failure(expression)
    assert status == 403, errors
    assert errors[0]["code"] == "permission denied"
    assert errors[0]["description"] == "Insufficient privileges to perform the action."
    assert set(errors[0]) == {"position", "code", "description"}
    return errors[0]["position"]
