"""Schema as code: what is dumped makes the same schema; what differs is told, and made the same in one transaction."""

from __future__ import annotations

import io
import threading
from contextlib import ExitStack, closing
from types import SimpleNamespace

import pytest

from faunadb import query as q
from faunadb.cli import waiting
from faunadb.cli.connection import Connection
from faunadb.cli.errors import CliError
from faunadb.cli.export_files import read_export
from faunadb.cli.export_writing import ExportWriter
from faunadb.cli.exporting import Exporter
from faunadb.cli.import_target import QueryTarget
from faunadb.cli.importing import Importer
from faunadb.cli.progress import Progress
from faunadb.cli.schema import _dumped
from faunadb.cli.schema_changes import apply, compare, desired_schemas, schemas_of
from faunadb.engine import open_engine
from faunadb.engine.background import building
from faunadb.engine.background.building import under_way
from faunadb.fql.errors import FqlSyntaxError
from faunadb.server.application import Application
from faunadb.testing import Database
from tests.server.asgi import listening

EVERYTHING = """
CreateCollection({name: "a", ttl_days: 3, data: {x: 1.0, when: Time("2024-01-02T03:04:05.678Z")}})
CreateCollection({name: "b", history_days: null})
CreateCollection({name: "Role"})
CreateIndex({name: "by", source: Collection("a"), terms: [{field: ["data", "x"]}],
             values: [{field: ["data", "y"], reverse: true}, {field: ["ref"]}], unique: true, serialized: false})
CreateIndex({name: "all", source: "_"})
CreateIndex({name: "several", source: [Collection("a"), Collection("b")], terms: [{binding: "f"}]})
CreateIndex({name: "bound", source: {collection: Collection("a"), fields: {f: Query(d => Add(1, 1.0))}},
             terms: [{binding: "f"}], partitions: 8})
CreateFunction({name: "f", body: Query(Lambda(["x", "y"], Let({a: 1.5}, Call("g", Var("a"))))), role: "server"})
CreateFunction({name: "g", body: Query(x => If(Exists(Role("r")), Do(x, [null, {a: {b: 1}}]), Call("f", [1, 2])))})
CreateFunction({name: "raw", body: Expr({"query": {"lambda": "x", "expr": {"let": {"a": 1.0}, "in": {"quote": {"b": 2.0}}}}})})
CreateRole({name: "r", privileges: [{resource: Collection("a"), actions: {read: true, write: Query((o, n) => Equals(o, n))}},
                                    {resource: Function("f"), actions: {call: true}}]})
CreateRole({name: "s", membership: {resource: Collection("Role"), predicate: Query(ref => true)}})
Update(Function("g"), {role: Role("r")})
CreateAccessProvider({name: "p", issuer: "https://x", jwks_uri: "https://x/k",
                      roles: [Role("r"), {role: Role("s"), predicate: Query(t => true)}]})
CreateDatabase({name: "empty", data: {"é": ["\\u2028", "a\\"b"]}})
:db /child
CreateCollection({name: "c"})
:db /child/of
CreateFunction({name: "h", body: Query(_ => Time("now"))})
"""


@pytest.fixture
def empty():
    with closing(Database()) as database, closing(Connection(database.url, database.secret)) as connection:
        yield connection


def _fields(schemas):
    return {
        path: {key: item.fields for key, item in schema.items.items()} for path, schema in schemas.items()
    }


def _apply(connection, text, delete=False):
    return sum(
        count
        for _, count in apply(connection, compare(schemas_of(connection), desired_schemas(text), delete))
    )


def test_what_is_dumped_makes_the_same(connection, empty):
    _apply(connection, EVERYTHING)
    before = schemas_of(connection)
    assert sum(len(schema.items) for schema in before.values()) == 18
    text = _dumped(before)
    _apply(empty, text)
    assert _fields(schemas_of(empty)) == _fields(before)
    assert compare(schemas_of(empty), desired_schemas(text), True) == []
    assert _dumped(schemas_of(empty)) == text


def test_items_that_need_each_other(connection, empty):
    """A role that calls a function that has the role; functions that hold each other's ref."""
    client = connection.client()
    ref = lambda name: {"@ref": {"id": name, "collection": {"@ref": {"id": "functions"}}}}
    body = lambda name: {"query": {"lambda": "_", "expr": [ref(name)] if name else None}}
    create = lambda name, other: {"create_function": {"object": {"name": name, "body": body(other)}}}
    client.query(q._Expr(create("one", None)))
    client.query(q._Expr(create("two", "one")))
    client.query(q._Expr({"update": ref("one"), "params": {"object": {"body": body("two")}}}))
    privilege = {"object": {"resource": ref("one"), "actions": {"object": {"call": True}}}}
    client.query(q._Expr({"create_role": {"object": {"name": "r", "privileges": [privilege]}}}))
    role = {"@ref": {"id": "r", "collection": {"@ref": {"id": "roles"}}}}
    client.query(q._Expr({"update": ref("two"), "params": {"object": {"role": role}}}))
    before = schemas_of(connection)
    _apply(empty, _dumped(before))
    assert _fields(schemas_of(empty)) == _fields(before)


CHANGES = [
    (
        'CreateCollection({name: "a"})',
        'CreateCollection({name: "a", history_days: 7})',
        ["~ collection a: history_days"],
    ),
    (
        'CreateCollection({name: "a", history_days: 7})',
        'CreateCollection({name: "a"})',
        ["~ collection a: history_days"],
    ),
    (
        'CreateCollection({name: "a", data: {x: 1}})',
        'CreateCollection({name: "a"})',
        ["~ collection a: data"],
    ),
    (
        'CreateCollection({name: "a", data: {x: 1}})',
        'CreateCollection({name: "a", data: {x: 1.0}})',
        ["~ collection a: data"],
    ),
    ('CreateCollection({name: "a"})', 'CreateCollection({name: "b"})', ["+ collection b", "- collection a"]),
    (
        'CreateFunction({name: "f", body: Query(x => x)})',
        'CreateFunction({name: "f", body: Query(x => [x]), role: "admin"})',
        ["~ function f: body, role"],
    ),
    (
        'CreateRole({name: "r", privileges: {resource: Keys(), actions: {read: true, create: true}}})',
        'CreateRole({name: "r", privileges: {resource: Keys(), actions: {read: true}}})',
        ["~ role r: privileges"],
    ),
    (
        'CreateDatabase({name: "d"})',
        ':db /d/e\nCreateCollection({name: "a"})',
        ["+ d: database e", "+ d/e: collection a"],
    ),
    ('CreateDatabase({name: "d"})', "", ["- database d"]),
    (
        'CreateAccessProvider({name: "p", issuer: "i", jwks_uri: "https://x"})',
        'CreateAccessProvider({name: "p", issuer: "i", jwks_uri: "https://y"})',
        ["~ access provider p: jwks_uri"],
    ),
]


@pytest.mark.parametrize(("before", "after", "lines"), CHANGES)
def test_changes(connection, before, after, lines):
    _apply(connection, before)
    want = desired_schemas(after)
    changes = compare(schemas_of(connection), want, True)
    assert [change.line() for change in changes] == lines
    assert sum(count for _, count in apply(connection, changes)) == len(lines)
    assert compare(schemas_of(connection), want, True) == []


def test_the_order_of_members_is_no_difference(connection):
    index = (
        'CreateCollection({name: "a"})\nCreateIndex({name: "i", source: Collection("a"), values: [{%s, %s}]})'
    )
    field, reverse = 'field: ["data", "x"]', "reverse: true"
    _apply(connection, index % (field, reverse))
    assert compare(schemas_of(connection), desired_schemas(index % (reverse, field)), True) == []


def test_an_index_with_other_terms_is_built_anew(connection, database):
    index = 'CreateCollection({name: "a"}) CreateIndex({name: "i", source: Collection("a"), terms: [{field: ["data", "%s"]}]})'
    text = lambda field: (index % field).replace(") Create", ")\nCreate")
    _apply(connection, text("x"))
    database.query(q.create(q.ref(q.collection("a"), "1"), {"data": {"y": 5}}))
    changes = compare(schemas_of(connection), desired_schemas(text("y")), False)
    assert [change.line() for change in changes] == ["! index i: terms (deleted and built anew)"]
    list(apply(connection, changes))
    assert database.query(q.select(["ref", "id"], q.get(q.match(q.index("i"), 5)))) == "1"


def test_what_the_file_does_not_have_stays_unless_it_is_to_go(connection):
    _apply(connection, 'CreateCollection({name: "a"})')
    assert compare(schemas_of(connection), desired_schemas(""), False) == []


def test_all_or_nothing(connection, database):
    """The second change is refused, so the first one is not made either."""
    _apply(connection, 'CreateCollection({name: "a"})')
    database.query(q.create_database({"name": "d", "data": {}}))
    database.query(q.update(q.database("d"), {"data": {"kept": True}}))
    text = 'CreateCollection({name: "a"})\nCreateCollection({name: "new"})\nCreateDatabase({name: "d"})'
    changes = compare(schemas_of(connection), desired_schemas(text), False)
    assert [change.line() for change in changes] == ["~ database d: data", "+ collection new"]
    refused = changes[0]._replace(item=changes[0].item._replace(fields={"priority": 1000}))
    with pytest.raises(CliError, match="nothing of it is done"):
        list(apply(connection, [refused, changes[1]]))
    assert [change.line() for change in compare(schemas_of(connection), desired_schemas(text), False)] == [
        "~ database d: data",
        "+ collection new",
    ]


def test_faults_of_a_file_have_their_place():
    with pytest.raises(FqlSyntaxError, match=r"line 2, column 1.*Cannot read reference"):
        desired_schemas('CreateCollection({name: "a"})\nCreateIndex({name: "i", source: Collection("nope")})')


def test_a_server_key_may_not_read_it(database):
    with closing(Connection(database.url, database.secret + ":server")) as connection:
        with pytest.raises(CliError, match="the schema takes an admin key"):
            schemas_of(connection)


# -- exports


@pytest.mark.parametrize("queries", [False, True])
def test_an_export_has_the_schema_and_the_databases_below(tmp_path, connection, empty, monkeypatch, queries):
    _apply(connection, EVERYTHING)
    client = connection.client()
    a = q.collection("a")
    client.query(
        q.create(
            q.ref(a, "1"), {"data": {"x": 1, "role": q.ref(q.collection("Role"), "5"), "f": q.function("f")}}
        )
    )
    client.query(q.update(q.collection("a"), {"ttl_days": None}))
    client.query(q.create(q.ref(a, "2"), {"data": {"x": 2}}))
    client.query(q.update(q.collection("a"), {"ttl_days": 30, "data": {"owner": q.ref(a, "1")}}))
    below = connection.below("child").client()
    below.query(q.create(q.ref(q.collection("c"), "7"), {"data": {"z": 1}}))
    client.query(q.create_key({"role": "server"}))
    exporter = Exporter(connection, ExportWriter(tmp_path / "out", True, True, False))
    exporter.run()
    assert exporter.rows == {"a": 2, "child/c": 1}
    assert exporter.notes == [
        "1 keys are not part of it: their secrets are known to nobody here; make new ones"
    ]
    if queries:
        monkeypatch.setattr("faunadb.cli.importing.open_target", QueryTarget)
    summary = Importer(read_export(tmp_path / "out"), empty, remember=False).run()
    assert (summary.problems, summary.rows) == ([], exporter.rows)
    assert _fields(schemas_of(empty)) == _fields(schemas_of(connection))
    for number in ("1", "2"):
        document = q.get(q.ref(a, number))
        assert empty.client().query(document) == client.query(document)
    found = empty.below("child").client().query(q.select(["data", "z"], q.get(q.ref(q.collection("c"), "7"))))
    assert found == 1
    # once more: everything is there already
    assert Importer(read_export(tmp_path / "out"), empty, remember=False).run().ok


def test_indexes_do_without_those_of_their_collections_that_are_gone(connection):
    """Unless all are: then it is told that the index cannot be made anew."""
    sources = {
        "i": '[Collection("a"), Collection("b"), {collection: [Collection("c")]}]',
        "j": '[{collection: [Collection("b"), Collection("a")]}, Collection("c")]',
        "k": '{collection: [Collection("a"), Collection("b")]}',
        "l": '[Collection("b"), Collection("d")]',
    }
    collections = [f'CreateCollection({{name: "{name}"}})' for name in "abcd"]
    indexes = [f'CreateIndex({{name: "{name}", source: {source}}})' for name, source in sources.items()]
    _apply(connection, "\n".join(collections + indexes))
    for name in "bd":
        connection.client().query(q.delete(q.collection(name)))
    text = _dumped(schemas_of(connection))
    assert 'name: "i", source: [Collection("a"), {collection: [Collection("c")]}]' in text
    assert 'name: "j", source: [{collection: [Collection("a")]}, Collection("c")]' in text
    assert 'name: "k", source: {collection: [Collection("a")]}' in text
    notes = schemas_of(connection)[""].notes
    assert notes == [
        f"l of indexes cannot be made anew as it is: it refers to {name} of collections, which is gone"
        for name in "bd"
    ]


def test_what_of_a_schema_is_refused_is_told(tmp_path, connection, empty):
    _apply(connection, 'CreateCollection({name: "a"})')
    Exporter(connection, ExportWriter(tmp_path / "out", True, True, False)).run()
    (tmp_path / "out" / "schema.fql").write_text('CreateIndex({name: "i", source: Collection("gone")})\nGet(')
    summary = Importer(read_export(tmp_path / "out"), empty, remember=False).run()
    assert "schema.fql: line 2" in summary.problems[0]
    (tmp_path / "out" / "schema.fql").write_text('CreateIndex({name: "i", source: Collection("gone")})')
    summary = Importer(read_export(tmp_path / "out"), empty, remember=False).run()
    assert "is refused: validation failed" in summary.problems[0]
    assert not summary.ok


# -- the commands


def test_commands(tmp_path, faunadb):
    (tmp_path / "s.fql").write_text('CreateCollection({name: "a"})\n')
    (tmp_path / "bad.fql").write_text("CreateCollection({")
    url = "sqlite:///app.db"
    assert "give --create" in faunadb("schema", "diff", url, "s.fql", code=1).err
    assert (
        faunadb("schema", "apply", url, "s.fql", "--create", "--quiet", code=0).out
        == "+ collection a\n1 change made\n"
    )
    assert faunadb("schema", "diff", url, "s.fql", code=0).out == ""
    assert faunadb("schema", "dump", url, code=0).out == '// Collections\nCreateCollection({name: "a"})\n'
    assert faunadb("schema", "apply", url, "-", text="", code=0).out == "nothing to do\n"
    assert faunadb("schema", "diff", url, "-", "--delete", text="", code=1).out == "- collection a\n"
    assert faunadb("schema", "apply", url, "bad.fql", code=1).err.startswith("Error: line 1, column 19")
    assert "No such file" in faunadb("schema", "apply", url, "none.fql", code=1).err


@pytest.fixture
def held(monkeypatch):
    """Index builds wait for this event."""
    go_on = threading.Event()
    build = building._build_or_skip
    monkeypatch.setattr(building, "_build_or_skip", lambda *given: (go_on.wait(30), build(*given)))
    yield go_on
    go_on.set()


def begin_a_build(client):
    client.query(q.create_collection({"name": "c"}))
    client.query(q.map_(lambda n: q.create(q.collection("c"), {"data": {"n": n}}), list(range(200))))
    client.query(q.create_index({"name": "by_n", "source": q.collection("c")}))


def test_waiting_tells_how_far_each_index_is(tmp_path, held):
    with closing(Connection(f"sqlite:///{tmp_path}/app.db", "secret")) as connection:
        client = connection.client()
        begin_a_build(client)
        out = io.StringIO()
        progress = Progress("building indexes", None, out)
        waiting._show(under_way(connection.engine()), progress)
        assert progress.label == "building by_n (0 of 200)"
        held.set()
        waiting.finish_builds(connection)
        assert client.query(q.select("active", q.get(q.index("by_n")))) is True
        waiting._show(under_way(connection.engine()), progress)


@pytest.mark.parametrize(
    ("has_dashboard", "shown"), [(True, "building by_n (0 of 200)"), (False, "building by_n")]
)
@pytest.mark.parametrize("child", ["", "child"])
def test_waiting_for_a_server_tells_it_too(tmp_path, held, monkeypatch, has_dashboard, shown, child):
    """A server without its dashboard answers as an older one does: nothing is there."""
    labels = []

    def pause(seconds):
        labels.append(progress.label)
        held.set()

    monkeypatch.setattr(waiting, "time", SimpleNamespace(sleep=pause))
    progress = Progress("building indexes", None, io.StringIO())
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(f"sqlite:///{tmp_path}/app.db"))
        url = stack.enter_context(listening(Application(engine, dashboard=has_dashboard)))
        connection = stack.enter_context(closing(Connection(url, "secret", child)))
        connection.create_database()
        begin_a_build(connection.client())
        waiting._wait(connection.below(""), progress)
        assert connection.client().query(q.select("active", q.get(q.index("by_n")))) is True
    assert labels[0] == shown
