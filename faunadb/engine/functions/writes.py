"""Writing: create, update, replace, delete, insert, remove, and their relatives (writes and schema, part 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from .. import documents
from ..documents.ids import new_id as fresh_id
from ..java.times import Time
from ..language import codec
from ..language import values as v
from ..language.casts import DATABASE, DOCUMENT_ACTION, NAME_OR_REF, NULL, OBJECT, REF, TIME
from ..language.errors import (
    Fault,
    already_exists,
    invalid_argument,
    not_found,
    permission_denied,
    undefined_name,
)
from ..language.registry import WRITE, Arg, form
from ..schema import databases as database_schema
from ..schema.fields import is_plain, prepare
from ..schema.items import CollectionInfo
from ..schema.native import Fields, end_access
from ..schema.user_documents import USER_DOCUMENTS
from ..schema.writers import writer_for

if TYPE_CHECKING:
    from ..language.context import Context
    from ..language.stored_literals import StoredObject


def _check_scope(ctx: Context, scope: int, at: str) -> None:
    """Refuse to write outside the caller's own database, such as in that of a function that it calls."""
    if scope != ctx.scope or scope != ctx.perms.scope:
        raise invalid_argument("Cannot write a scoped ref.", at)


def _invalid_time(at: Union[str, tuple[str, ...]] = ()) -> Fault:
    return Fault("invalid write time", "Cannot write outside of snapshot time.", at)


#: The database, collection and id of a document to be created. No id: to have one allotted.
Target = tuple[int, int, Optional[int]]


def _target(ctx: Context, value: Union[str, v.Ref]) -> Target:
    if type(value) is str:
        found = ctx.schema.lookup(ctx.scope, v.COLLECTIONS, value)
        if found is None:
            raise undefined_name("collection", value, "create")
        return found.scope, found.id, None
    if value.coll == v.COLLECTIONS:  # type: ignore[union-attr]
        return value.scope, value.id, None  # type: ignore[union-attr]
    return value.scope, value.coll, value.id  # type: ignore[union-attr]


def _permitted(ctx: Context, target: Target, given: Fields, at: str) -> Any:
    """Refuse a create that is not allowed or whose id is taken; returns the newest stored version of that id."""
    scope, coll, number = target
    if number is None:
        if not ctx.perms.can_create(ctx, v.Ref(scope, v.COLLECTIONS, coll), given):
            raise permission_denied(at)
        return None
    ref = v.Ref(scope, coll, number)
    if not ctx.perms.can_create_with_id(ctx, ref, given):
        raise permission_denied(at)
    if documents.exists(ctx, ref, None):
        raise already_exists(documents.kind(ref), at)
    # Ids of named items are never shown, and never used again.
    return None if coll in v.NAMED_NATIVES else ctx.snap.version(scope, coll, number)


def _opened(ctx: Context, scope: int, coll: int) -> Optional[CollectionInfo]:
    """The collection, if the query may create any document in it now; None where that has to be looked at more closely."""
    perms, schema = ctx.perms, ctx.schema
    opened, by, known = ctx.cache.get(_opened, _NOT_OPENED)
    if opened == coll and by is perms and not schema.was_written and ctx.at is None and scope == ctx.scope:
        return known  # type: ignore[no-any-return]
    if coll < v.FIRST_COLLECTION or ctx.at is not None or not scope == ctx.scope == perms.scope:
        return None
    info: Optional[CollectionInfo] = schema.collection(scope, coll)
    if info is None or not perms.writes_all(scope):
        return None
    database_schema.check_container(ctx, coll, "create")
    ctx.cache[_opened] = coll, perms, info
    return info


_NOT_OPENED: Any = (None, None, None)


def _is_plain(ctx: Context, params: Fields) -> bool:
    """Whether params are but ``data`` with some members, and these are stored as they are."""
    data: Any = params.get("data") if len(params) == 1 else None
    return type(data) is dict and bool(data) and is_plain(ctx, data)


def _create(
    ctx: Context, target: Target, params: Optional[Fields], at: str, text: Optional[str] = None
) -> v.Document:
    """text: the stored JSON of the params, if it is known."""
    ctx.writer()
    given = params or {}
    plain = text is not None or _is_plain(ctx, given)
    if given and not plain:
        given = prepare(ctx, given)
    scope, coll, number = target
    if plain and number is None:
        opened = _opened(ctx, scope, coll)
        if opened is not None:
            return USER_DOCUMENTS.create_plain(ctx, opened, fresh_id(), given, text, at)
    _check_scope(ctx, scope, at)
    info = ctx.schema.collection(scope, coll) if coll >= v.FIRST_COLLECTION else None
    if info is None and coll >= v.FIRST_COLLECTION:
        raise not_found("Collection", at)
    before = _permitted(ctx, target, given, at)
    database_schema.check_container(ctx, coll, at)
    if ctx.at is not None:
        raise _invalid_time(at)
    if before is not None and number is not None:
        end_access(ctx, v.Ref(scope, coll, number))
    if plain and info is not None and before is None:
        return USER_DOCUMENTS.create_plain(
            ctx, info, fresh_id() if number is None else number, given, text, at
        )
    writer = writer_for(coll)
    if number is None or coll in v.NAMED_NATIVES:
        number = writer.allot_id(ctx, scope)
    ref = v.Ref(scope, coll, number)
    return writer.create(ctx, ref, given, at, before)


def _create_literal(ctx: Context, target: Union[str, v.Ref], literal: StoredObject, text: str) -> v.Document:
    """`create` for params of which the stored JSON is known."""
    ctx.writer()
    ctx.timeless = False
    scope, coll, number = _target(ctx, target)
    info = _opened(ctx, scope, coll) if number is None else None
    if info is not None and info.ttl_days is None:
        return USER_DOCUMENTS.create_literal(ctx, info, fresh_id(), literal, text, "create")
    return _create(ctx, (scope, coll, number), literal.eval(ctx, {}), "create", text)


@form(Arg("create", NAME_OR_REF), optional=(Arg("params", OBJECT),), effect=WRITE, stores=_create_literal)
def create(ctx: Context, target: Union[str, v.Ref], params: Optional[Fields]) -> v.Document:
    """A new document in a collection (its name or ref; an id is allotted), or at a ref where none exists.

    params: ``data``, ``ttl``, ``credentials`` for user collections, the fields of the native document otherwise;
    unknown fields are dropped. Result: the document, HTTP 201. Errors: ``instance already exists``,
    ``instance not unique``, ``validation failed``, ``permission denied``, ``invalid write time``, each at ``create``.

    >>> q.select(["data", "name"], q.create(q.collection("spells"), {"data": {"name": "Light"}}))
    'Light'
    """
    return _create(ctx, _target(ctx, target), params, "create")


def _create_native(key: str, number: int, what: str, example: str, since: str = "2.0") -> Callable[..., Any]:
    def create_native(ctx: Context, params: Fields) -> v.Document:
        return _create(ctx, (ctx.scope, number, None), params, key)

    create_native.__name__ = key
    create_native.__doc__ = f"""A new {what}; the same as creating a document in the native collection, by ``create``.

    Result: its document, HTTP 201. Errors: ``instance already exists``, ``validation failed``,
    ``permission denied``, each at ``{key}``.

    {example}
    """
    return form(Arg(key, OBJECT), effect=WRITE, since=since)(create_native)


def _named_example(key: str, params: str) -> str:
    return f""">>> q.select("name", q.{key}({params}))
    'sample'"""


create_database = _create_native(
    "create_database",
    v.DATABASES,
    "database below this one",
    _named_example("create_database", '{"name": "sample"}'),
)
create_collection = _create_native(
    "create_collection",
    v.COLLECTIONS,
    "collection",
    _named_example("create_collection", '{"name": "sample"}'),
)
create_class = _create_native(
    "create_class",
    v.COLLECTIONS,
    "collection (old name of ``create_collection``)",
    _named_example("create_class", '{"name": "sample"}'),
)
create_index = _create_native(
    "create_index",
    v.INDEXES,
    "index",
    _named_example("create_index", '{"name": "sample", "source": q.collection("spells")}'),
)
create_function = _create_native(
    "create_function",
    v.FUNCTIONS,
    "user-defined function",
    _named_example(
        "create_function", '{"name": "sample", "body": q.query(q.lambda_("x", q.add(q.var("x"), 1)))}'
    ),
)
create_role = _create_native(
    "create_role",
    v.ROLES,
    "role",
    _named_example(
        "create_role",
        '{"name": "sample", "privileges": {"resource": q.collection("spells"), "actions": {"read": True}}}',
    ),
)
create_access_provider = _create_native(
    "create_access_provider",
    v.ACCESS_PROVIDERS,
    "access provider",
    _named_example(
        "create_access_provider",
        '{"name": "sample", "issuer": "https://login.example", "jwks_uri": "https://login.example/keys"}',
    ),
    since="4",
)
create_key = _create_native(
    "create_key",
    v.KEYS,
    "key. Its ``secret`` is shown by this result alone",
    """>>> q.select("role", q.create_key({"role": "server"}))
    'server'""",
)


def _existing(ctx: Context, ref: v.Ref, at: Union[str, tuple[str, ...]]) -> tuple[Any, Fields]:
    """The newest version of a live document about to be written, and all of its stored fields."""
    row = documents.row(ctx, ref, None)
    if row is None:
        raise not_found(documents.kind(ref), at)
    return row, codec.decode_fields(row.data, ref.scope)


def _rewrite(ctx: Context, ref: v.Ref, params: Optional[Fields], replace: bool) -> v.Document:
    at = "replace" if replace else "update"
    ctx.writer()
    given = params or {}
    plain = _is_plain(ctx, given)
    if given and not plain:
        given = prepare(ctx, given)
    user = ref.coll >= v.FIRST_COLLECTION
    if not user and ref.is_native_collection:
        raise invalid_argument("Cannot update a schema meta collection.", at)
    _check_scope(ctx, ref.scope, at)
    if plain and user and ctx.at is None:
        document = USER_DOCUMENTS.rewrite_plain(ctx, ref, given["data"], replace)
        if document is not None:
            return document
    row, old = _existing(ctx, ref, at)
    if not (user and ctx.perms.writes_all(ref.scope)):
        shown = documents.visible(ref.coll, old)
        # Also for replace, predicates see the old document with the params merged in.
        if not ctx.perms.can_write(ctx, ref, shown, documents.merge(shown, given)):
            raise permission_denied()
    if ctx.at is not None:
        raise _invalid_time()
    if plain and user:
        return USER_DOCUMENTS.update_plain(ctx, ref, row, old, given, replace)
    return writer_for(ref.coll).update(ctx, ref, row, old, given, replace)


@form(Arg("update", REF), optional=(Arg("params", OBJECT),), effect=WRITE)
def update(ctx: Context, ref: v.Ref, params: Optional[Fields]) -> v.Document:
    """The document with params merged in: objects member by member, anything else replaced, null removes.

    Errors: ``instance not found`` at ``update``; ``permission denied``, ``validation failed``,
    ``instance not unique``.

    >>> light = q.select("ref", q.create(q.collection("spells"), {"data": {"name": "Light", "cost": 1}}))
    >>> q.select("data", q.update(light, {"data": {"cost": None, "school": "air"}}))
    {'name': 'Light', 'school': 'air'}
    """
    return _rewrite(ctx, ref, params, replace=False)


@form(Arg("replace", REF), optional=(Arg("params", OBJECT),), effect=WRITE)
def replace(ctx: Context, ref: v.Ref, params: Optional[Fields]) -> v.Document:
    """The document with its fields replaced by params; schema documents keep their name, and fixed fields.

    Errors: ``instance not found`` at ``replace``; ``permission denied``, ``validation failed``,
    ``instance not unique``.

    >>> light = q.select("ref", q.create(q.collection("spells"), {"data": {"name": "Light", "cost": 1}}))
    >>> q.select("data", q.replace(light, {"data": {"school": "air"}}))
    {'school': 'air'}
    """
    return _rewrite(ctx, ref, params, replace=True)


@form(Arg("delete", REF), effect=WRITE)
def delete(ctx: Context, ref: v.Ref) -> v.Document:
    """Delete a document. Result: the document as it was, with its own ``ts``.

    Collections take the indexes with them whose only source they are, databases everything below them.
    Errors: ``instance not found``, ``permission denied``.

    >>> light = q.create(q.collection("spells"), {"data": {"name": "Light"}})
    >>> q.select(["data", "name"], q.delete(q.select("ref", light)))
    'Light'
    """
    ctx.writer()
    if ref.is_native_collection:
        raise not_found("Collection")
    _check_scope(ctx, ref.scope, "delete")
    row, fields = _existing(ctx, ref, ())
    if not ctx.perms.can_delete(ctx, ref):
        raise permission_denied()
    before = documents.document(ctx, ref, row)
    writer_for(ref.coll).delete(ctx, ref, row, fields)
    return before


def _has_history(ctx: Context, ref: v.Ref) -> bool:
    """Whether a ref is that of a document in an existing user collection."""
    return ref.is_user_document and ctx.schema.collection(ref.scope, ref.coll) is not None


@form(
    Arg("insert", REF),
    Arg("ts", TIME),
    Arg("action", DOCUMENT_ACTION),
    optional=(Arg("params", OBJECT),),
    effect=WRITE,
)
def insert(ctx: Context, ref: v.Ref, ts: Time, action: v.Action, params: Optional[Fields]) -> v.DocumentEvent:
    """Put a version into a document's history: just the given params (``create``, ``update``), or a deletion.

    ts: not later than the snapshot time, and within 64 bits of microseconds; a version at that very time is replaced.
    Uniqueness is not enforced.
    Errors: ``invalid write time``, ``permission denied``, ``validation failed``, ``invalid argument``.

    >>> light = q.select("ref", q.create(q.collection("spells"), {"data": {"name": "Light"}}))
    >>> q.select("action", q.insert(light, 1000, "create", {"data": {"name": "Glow"}}))
    'create'
    """
    ctx.writer()
    micros = ts.nearest_micros()
    if micros > ctx.time or micros != ts.to_micros():
        raise _invalid_time()
    _check_scope(ctx, ref.scope, "insert")
    given = prepare(ctx, params) if params else {}
    if not (_has_history(ctx, ref) or ref.coll == v.KEYS):
        raise invalid_argument("Cannot insert event for specified ref.")
    if not ctx.perms.can_write_history(ctx, ref, micros, action, given):
        raise permission_denied()
    if action is v.DELETE:
        documents.insert(ctx, ref, micros, None)
        return v.DocumentEvent(micros, v.DELETE, ref, None)
    fields = writer_for(ref.coll).inserted(ctx, ref, given)
    if not documents.exists(ctx, ref, None):
        end_access(ctx, ref)
    documents.insert(ctx, ref, micros, fields)
    return v.DocumentEvent(micros, v.CREATE, ref, fields)


@form(Arg("remove", REF), Arg("ts", TIME), Arg("action", DOCUMENT_ACTION), effect=WRITE)
def remove(ctx: Context, ref: v.Ref, ts: Time, action: v.Action) -> None:
    """Take the version at a time out of a document's history, when it is of that kind. Result: null.

    ``create`` and ``update`` both mean a live version. Errors: ``permission denied``, ``invalid argument``.

    >>> light = q.create(q.collection("spells"), {"data": {"name": "Light"}})
    >>> q.remove(q.select("ref", light), 1000, "create")
    """
    tx = ctx.writer()
    _check_scope(ctx, ref.scope, "remove")
    if not _has_history(ctx, ref):
        raise invalid_argument("Cannot remove event for specified ref.")
    micros = ts.nearest_micros()
    row = tx.version(ref.scope, ref.coll, ref.id, micros)
    if row is not None and (row.ts != micros or row.live is (action is v.DELETE)):
        row = None
    stored = codec.stored(ref, row)
    if not ctx.perms.can_write_history(ctx, ref, micros, action, stored.fields if stored is not None else {}):
        raise permission_denied()
    if row is not None:
        info = ctx.schema.collection(ref.scope, ref.coll)
        existed = documents.exists(ctx, ref, None)
        documents.remove(ctx, ref, row, None if info is None else info.min_valid(ctx.time))
        if not existed:
            end_access(ctx, ref)


@form(Arg("move_database", DATABASE), Arg("to", DATABASE), effect=WRITE)
def move_database(ctx: Context, source: v.Ref, to: v.Ref) -> v.Document:
    """Make a database a child of another; its contents and the keys for it move along.

    Result: its document, HTTP 201.
    Errors: ``permission denied``, ``move database error``, ``instance already exists``.

    >>> moved = q.select("ref", q.create_database({"name": "moved"}))
    >>> parent = q.select("ref", q.create_database({"name": "parent"}))
    >>> q.select("name", q.move_database(moved, parent))
    'moved'
    """
    ctx.writer()
    if not ctx.perms.can_move(ctx, source):
        raise permission_denied()
    return database_schema.move(ctx, source, to)


@form(Arg("new_id", NULL), effect=WRITE)
def new_id(ctx: Context, nothing: None) -> str:
    """A fresh document id, as a String of digits; ids grow with time.

    >>> q.is_string(q.new_id())
    True
    """
    return str(fresh_id())


@form(Arg("next_id", NULL), effect=WRITE)
def next_id(ctx: Context, nothing: None) -> str:
    """A fresh document id (old name of ``new_id``).

    >>> q.is_string(q.next_id())
    True
    """
    return str(fresh_id())


__all__ = ["create", "delete", "insert", "remove", "replace", "update"]
