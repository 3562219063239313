"""Whatever a database holds, an import of its export holds the same: but for secrets, and the times of the schema."""

from __future__ import annotations

import json
import math
import re
from contextlib import closing

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st

from faunadb import query as q
from faunadb.cli.connection import Connection
from faunadb.cli.export_files import read_export
from faunadb.cli.export_format import NATIVE_MODULES, object_literal, query_literal
from faunadb.cli.export_writing import ExportWriter
from faunadb.cli.exporting import Exporter
from faunadb.cli.import_target import QueryTarget
from faunadb.cli.importing import Importer
from faunadb.engine.checking import problems
from faunadb.engine.checking.inventory import Inventory
from faunadb.engine.language.values import COLLECTIONS, FIRST_COLLECTION
from faunadb.errors import BadRequest, NotFound, UnexpectedError
from faunadb.testing import Database

KINDS = ("databases", "collections", "functions", "indexes", "roles", "access_providers")
#: What a database sets itself, and no import can.
OWN = ("ref", "ts", "global_id", "audience")

names = st.sampled_from(
    [
        *NATIVE_MODULES,
        "a",
        "A",
        ".",
        "..",
        "%2E",
        "con",
        "data",
        "self",
        "\u05d0\u05d1",
        "é",
        "e\u0301",
        "x" * 300,
    ]
) | st.text(st.sampled_from("aAé.%~_2;@+$-!\u05d0"), min_size=1, max_size=12)
keys = st.sampled_from(["x", "y", "", "ts", "data", "coll", "@ref", "@obj", "é"]) | st.text(max_size=2)
scalars = (
    st.sampled_from(
        [None, True, 0, 1, 1.0, -0.0, 2**63 - 1, -(2**63), 1e300, math.nan, math.inf, -math.inf, "NaN", ""]
    )
    | st.text(max_size=3)
    | st.sampled_from(
        [
            {"@ts": "2024-01-02T03:04:05.678Z"},
            {"@ts": "-0001-01-01T00:00:00.000000001Z"},
            {"@date": "+12345-01-02"},
            {"@bytes": "_-8="},
            {"@uuid": "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"},
            {"@query": {"api_version": "4", "lambda": "x", "expr": {"add": [{"var": "x"}, 1.0]}}},
            {"@set": {"singleton": {"@ref": {"id": "keys"}}}},
            {"@ref": {"id": "collections"}},
        ]
    )
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner.filter(lambda value: value is not None), max_size=3)
        | st.dictionaries(keys, inner, max_size=3).map(object_literal)
    ),
    max_leaves=4,
)
fields = st.dictionaries(keys, values, max_size=3)
times = st.sampled_from(["2024-02-29T01:02:03.123456789Z", "2999-12-31T23:59:59Z", "-0001-01-01T00:00:00Z"])
ids = st.integers(0, 5) | st.integers(-5, 2**63 - 1)
#: Bodies of functions, predicates and bindings, of one parameter.
bodies = st.sampled_from(
    [
        {"select": ["data", "x"], "from": {"var": "d"}, "default": 1.0},
        {"let": [{"a": 1.5}], "in": [{"var": "a"}, {"object": {"b": None}}]},
        {"let": {"a": {"quote": {"let": 1}}}, "in": {"quote": {"add": [1, 2.0]}}},
        {"if": {"is_null": {"var": "d"}}, "then": {"@ts": "2024-01-02T03:04:05Z"}, "else": "\u2028'\"\\"},
        {"map": {"lambda": ["p", ["q"]], "expr": {"var": "q"}}, "collection": [[1, [2]]]},
        True,
    ]
)


def _ref(kind, name):
    return {"@ref": {"id": name, "collection": {"@ref": {"id": kind}}}}


def _lambda(body):
    return {"query": {"lambda": "d", "expr": body}}


class Plan:
    """Queries that fill one database. Those that it refuses say nothing, if they were drawn."""

    is_drawn = True

    def __init__(self, draw, depth=0):
        self.draw = draw
        self.queries = []
        self.children = {}
        most = 2 if depth == 0 else 1
        self.names = {kind: draw(st.lists(names, max_size=most, unique=True)) for kind in KINDS}
        for kind in KINDS:
            for name in self.names[kind]:
                getattr(self, "_make_" + kind)(name, depth)
        self._fill()
        self._change()

    @classmethod
    def of(cls, *queries):
        """A plan of these queries, in one database."""
        plan = cls.__new__(cls)
        plan.queries, plan.children, plan.is_drawn = list(queries), {}, False
        return plan

    def one_of(self, kind):
        """The ref of an item; of one that is not there, when there is none."""
        return _ref(kind, self.draw(st.sampled_from(self.names[kind] or ["nothing"])))

    def _create(self, form, name, given):
        data = self.draw(st.none() | fields)
        if data is not None:
            given = {**given, "data": query_literal(object_literal(data))}
        self.queries.append({form: {"object": {"name": name, **given}}})

    def _make_databases(self, name, depth):
        if depth < 2:
            self._create("create_database", name, self.draw(st.sampled_from([{}, {"priority": 5}])))
            self.children[name] = Plan(self.draw, depth + 1)

    def _make_collections(self, name, depth):
        options = [{}, {"history_days": None}, {"history_days": 5}, {"ttl_days": 3}]
        self._create("create_collection", name, self.draw(st.sampled_from(options)))

    def _make_functions(self, name, depth):
        given = {"body": _lambda(self.draw(bodies | st.just({"call": self.one_of("functions")})))}
        role = self.draw(st.sampled_from([None, "server", "admin"]))
        self._create("create_function", name, {**given, **({"role": role} if role else {})})

    def _make_indexes(self, name, depth):
        draw = self.draw
        source = draw(st.sampled_from(["one", "several", "all", "bindings"]))
        given = {"source": self.one_of("collections")}
        parts = [{"object": {"field": ["data", key]}} for key in ("x", "y")]
        values = [*parts, {"object": {"field": ["ts"]}}, {"object": {"field": "ref", "reverse": True}}]
        if source == "several":
            given["source"] = [self.one_of("collections"), self.one_of("collections")]
        elif source == "all":
            given["source"] = "_"
        elif source == "bindings":
            bound = {"b": _lambda(draw(bodies))}
            given["source"] = {
                "object": {"collection": self.one_of("collections"), "fields": {"object": bound}}
            }
            parts.append({"object": {"binding": "b"}})
        values += [{"object": {**part["object"], "reverse": True}} for part in parts]
        for key, choice in (("terms", parts), ("values", values)):
            chosen = draw(st.lists(st.sampled_from(choice), max_size=2))
            if chosen:
                given[key] = chosen
        for key in ("unique", "serialized"):
            if draw(st.booleans()):
                given[key] = draw(st.booleans())
        if draw(st.booleans()):
            given["partitions"] = draw(st.sampled_from([1, 8]))
        self._create("create_index", name, given)

    def _make_roles(self, name, depth):
        draw = self.draw
        given = {}
        granted = []
        for kind in draw(
            st.lists(st.sampled_from(["collections", "indexes", "functions", "keys"]), max_size=2)
        ):
            action = {"collections": "delete", "indexes": "read", "functions": "call", "keys": "create"}[kind]
            resource = {"@ref": {"id": "keys"}} if kind == "keys" else self.one_of(kind)
            allowed = draw(bodies.map(_lambda)) if kind in ("functions", "collections") else True
            granted.append({"object": {"resource": resource, "actions": {"object": {action: allowed}}}})
        given["privileges"] = granted
        if draw(st.booleans()):
            member = {"resource": self.one_of("collections")}
            if draw(st.booleans()):
                member["predicate"] = _lambda(draw(bodies))
            given["membership"] = [{"object": member}]
        self._create("create_role", name, given)

    def _make_access_providers(self, name, depth):
        given = {"issuer": f"https://{len(self.queries)}", "jwks_uri": "https://127.0.0.1/k"}
        roles = [self.one_of("roles"), {"object": {"role": self.one_of("roles"), "predicate": _lambda(True)}}]
        self._create(
            "create_access_provider", name, {**given, "roles": self.draw(st.sampled_from([[], roles]))}
        )

    def _fill(self):
        draw = self.draw
        documents = [
            {"@ref": {"id": str(draw(ids)), "collection": _ref("collections", name)}}
            for name in self.names["collections"]
            for _ in range(draw(st.integers(0, 3)))
        ]
        self.documents = documents
        for ref in documents:
            given = {"data": draw(fields)}
            if draw(st.booleans()):
                given["data"]["refs"] = [
                    draw(st.sampled_from(documents)),
                    self.one_of(draw(st.sampled_from(KINDS))),
                ]
            params = {"data": query_literal(object_literal(given["data"]))}
            if draw(st.booleans()):
                params["ttl"] = {"@ts": draw(times)}
            if draw(st.booleans()):
                params["credentials"] = {"object": {"password": "sesame"}}
            if draw(st.booleans()):
                at = {"@ts": draw(st.sampled_from(["2020-01-01T00:00:00Z", "2024-01-02T03:04:05.000001Z"]))}
                params.pop("credentials", None)
                self.queries.append(
                    {"insert": ref, "ts": at, "action": "create", "params": {"object": params}}
                )
            else:
                self.queries.append({"create": ref, "params": {"object": params}})
        if documents and draw(st.booleans()):
            owner = draw(st.sampled_from(documents))
            self.queries.append({"create": {"tokens": None}, "params": {"object": {"instance": owner}}})
        if draw(st.booleans()):
            self.queries.append(
                {"create_key": {"object": {"role": draw(st.sampled_from(["server", "admin"]))}}}
            )

    def _change(self):
        """Histories, items that need each other, and refs to what is gone."""
        draw = self.draw
        for ref in self.documents:
            change = draw(st.sampled_from([None, None, "update", "delete"]))
            if change == "update":
                self.queries.append({"update": ref, "params": {"object": {"data": {"object": {"x": 2.0}}}}})
            elif change == "delete":
                self.queries.append({"delete": ref})
        for name in self.names["functions"]:
            role = {
                "role": self.one_of("roles"),
                "body": _lambda([self.one_of("functions"), self.one_of("roles")]),
            }
            if draw(st.booleans()):
                self.queries.append({"update": _ref("functions", name), "params": {"object": role}})
        for kind in draw(st.lists(st.sampled_from([k for k in KINDS if k != "databases"]), max_size=2)):
            self.queries.append({"delete": self.one_of(kind)})

    def run(self, database, path=""):
        client = database.client_for(f"{database.secret}:{path}:admin" if path else database.secret)
        server = database.client_for(f"{database.secret}:{path}:server" if path else database.secret)
        for wire in self.queries:
            try:
                (server if "create" in wire else client).query(q._Expr(wire))
                note(f"{path}: {json.dumps(wire)}")
            except UnexpectedError:
                note(f"{path}: {json.dumps(wire)}")  # the driver has no type for the answer
            except (BadRequest, NotFound):
                if not self.is_drawn:
                    raise
        for name, child in self.children.items():
            below = f"{path}/{name}".strip("/")
            if client.query(q.exists(q.database(name))):
                child.run(database, below)


@st.composite
def plans(draw):
    return Plan(draw)


def _lost_sources():
    """Indexes over several collections, of which some are deleted afterwards."""

    def index(name, source):
        value = {"object": {"binding": "b"}}
        return {"create_index": {"object": {"name": name, "source": source, "values": [value]}}}

    def bound(*collections):
        return {"object": {"collection": list(collections), "fields": {"object": {"b": _lambda(1)}}}}

    a, b, c, d = (_ref("collections", name) for name in "abcd")
    return Plan.of(
        *({"create_collection": {"object": {"name": name}}} for name in "abcd"),
        index(
            "some", [a, b, {"object": {"collection": c, "fields": {"object": {"b": _lambda(1)}}}}, bound(d)]
        ),
        index("listed", [bound(a, b), {"object": {"collection": [c]}}, d]),
        index("together", bound(a, b)),
        index("all", [b, bound(c)]),
        {"create": {"@ref": {"id": "1", "collection": a}}, "params": {"object": {}}},
        {"create": {"@ref": {"id": "1", "collection": b}}, "params": {"object": {}}},
        {"delete": b},
        {"delete": c},
    )


def _same_entry():
    """Two documents with one entry in a unique index, which `insert` does not look for."""
    made = {"insert": None, "ts": {"@ts": "2024-01-02T03:04:05Z"}, "action": "create"}
    return Plan.of(
        {"create_collection": {"object": {"name": "a"}}},
        {
            "create_index": {
                "object": {
                    "name": "a",
                    "source": _ref("collections", "a"),
                    "unique": True,
                    "values": [{"object": {"field": ["data", "x"]}}],
                }
            }
        },
        *(
            {
                **made,
                "insert": {"@ref": {"id": str(number), "collection": _ref("collections", "a")}},
                "params": {"object": {"data": {"object": {"x": 1}}}},
            }
            for number in (1, 2)
        ),
    )


class State:
    """All that a database and those below it answer, as the wire writes it, and store."""

    def __init__(self, database, with_times):
        self.database = database
        self.with_times = with_times
        self.found = {}
        self._read("")
        self._stored()

    def _ask(self, client, wire):
        texts = []
        client.observer = lambda result: texts.append(result.response_raw)
        try:
            client.query(q._Expr(wire))
        except UnexpectedError:  # values that Python has no type for
            pass
        return json.loads(texts[-1])["resource"]

    def _page(self, client, source, get=True):
        page = {"paginate": source, "size": 1000}
        return self._ask(
            client,
            {"map": {"lambda": "r", "expr": {"get": {"var": "r"}}}, "collection": page} if get else page,
        )["data"]

    def _read(self, path):
        admin = self.database.client_for(
            f"{self.database.secret}:{path}:admin" if path else self.database.secret
        )
        server = self.database.client_for(
            f"{self.database.secret}:{path}:server" if path else self.database.secret + ":server"
        )
        for kind in KINDS:
            for item in self._page(admin, {kind: None}):
                self.found[path, kind, item["name"]] = {k: x for k, x in item.items() if k not in OWN}
                if kind == "collections":
                    # The order of the members of what is in a document is its own.
                    found = self._page(server, {"documents": item["ref"]})
                    texts = [
                        json.dumps([doc.get(key) for key in ("ref", "ts", "ttl", "data")]) for doc in found
                    ]
                    self.found[path, "documents", item["name"]] = texts
                elif kind == "indexes" and "terms" not in item:
                    found = self._page(server, {"match": item["ref"]}, get=False)
                    self.found[path, "entries", item["name"]] = sorted(map(json.dumps, found))
                elif kind == "databases":
                    self._read(f"{path}/{item['name']}".strip("/"))
        self.found[path, "credentials", ""] = [
            {key: value for key, value in item.items() if self.with_times or key != "ts"}
            for item in self._page(server, {"credentials": None})
        ]

    def _stored(self):
        """The texts of what answers show, but for refs, which are numbers: an answer shows NaN as the text "NaN"."""
        with self.database._engine.store.snapshot() as snap:
            for scope, database in Inventory(snap).databases.items():
                for number in database.collections:
                    if number >= FIRST_COLLECTION:
                        name = database.names[COLLECTIONS, number]
                        ids = [
                            int(json.loads(text)[0]["@ref"]["id"])
                            for text in self.found[database.path, "documents", name]
                        ]
                        data = [json.loads(snap.version(scope, number, id_).data).get("data") for id_ in ids]
                        self.found[database.path, "stored", name] = [
                            re.sub(r'"@:\w+": \[[^]]*\]', "", json.dumps(item)) for item in data
                        ]


@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
@example(plan=_lost_sources(), lines=False, by_queries=False)
@example(plan=_lost_sources(), lines=True, by_queries=True)
@example(plan=_same_entry(), lines=False, by_queries=False)
@example(plan=_same_entry(), lines=True, by_queries=True)
@given(plan=plans(), lines=st.booleans(), by_queries=st.booleans())
def test_an_import_of_an_export_is_the_same_database(tmp_path_factory, plan, lines, by_queries):
    root = tmp_path_factory.mktemp("e") / "out"
    with closing(Database()) as database, closing(Database()) as other:
        plan.run(database)
        database.image()
        with closing(Connection(database.url, database.secret)) as source:
            exporter = Exporter(source, ExportWriter(root, True, lines, not lines))
            exporter.run()
        with closing(Connection(other.url, other.secret)) as target, pytest.MonkeyPatch.context() as patch:
            if by_queries:
                patch.setattr("faunadb.cli.importing.open_target", QueryTarget)
            summary = Importer(read_export(root), target, remember=False).run()
        other.image()
        assert (exporter.ok, summary.problems, summary.skipped) == (True, [], [])
        want, found = State(database, not by_queries).found, State(other, not by_queries).found
        assert sorted(found) == sorted(want)
        for key, value in want.items():
            assert found[key] == value, key
        assert [problem for problem in problems(other._engine.store) if problem.damage] == []
