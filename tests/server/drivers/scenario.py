"""What users of the Python driver do, against a server: ``python scenario.py PORT``.

Runs with the official driver and with ours. Prints {"checks": number, "failures": [text]} as its last line.
"""

import json
import sys
import threading
import time
from datetime import date, datetime, timezone

from faunadb import errors
from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.objects import FaunaTime, Native, Query, Ref, SetRef

if hasattr(FaunaClient, "check_new_version"):  # looks for a newer version on the network
    FaunaClient.check_new_version = lambda self: None

checks = 0
failures = []


def check(name, good, shown=""):
    global checks
    checks += 1
    if not good:
        failures.append("%s: %r" % (name, shown))


def connect(secret, **more):
    return FaunaClient(secret=secret, domain="127.0.0.1", scheme="http", port=int(sys.argv[1]), **more)


def gives(client, name, expression, wanted):
    got = client.query(expression)
    check(name, got == wanted, got)


def fails(client, name, expression, kind, code, description, position=None):
    try:
        check(name, False, client.query(expression))
    except errors.FaunaError as error:
        first = error.errors[0]
        good = type(error) is kind and (first.code, first.description) == (code, description)
        check(name, good and first.position == position, (error, first.position))


class World:
    def __init__(self):
        self.root = connect("secret")
        self.name = "py-%d" % time.time_ns()
        self.root.query(q.create_database({"name": self.name}))
        self.admin = self.root.new_session_client(self.key("admin")["secret"])
        self.server_key = self.key("server")
        self.server = self.root.new_session_client(self.server_key["secret"])
        self.client = self.root.new_session_client(self.key("client")["secret"])
        self.ref = None

    def key(self, role):
        return self.root.query(q.create_key({"database": q.database(self.name), "role": role}))


def values(w):
    same = [1, -1.5, "fire", True, None, [1, ["a", None]], {"a": {"b": [1]}}, {"@name": "Hen Wen", "@age": 1}]
    for value in same:
        gives(w.server, "value", value, value)
    noon = datetime(2000, 1, 2, 12, 0, 0, 123456, tzinfo=timezone.utc)
    gives(w.server, "datetime", noon, FaunaTime("2000-01-02T12:00:00.123456Z"))
    nanos = FaunaTime("1970-01-01T00:00:00.123456789Z")
    gives(w.server, "time", nanos, nanos)
    gives(w.server, "date", date(2000, 1, 2), date(2000, 1, 2))
    gives(w.server, "bytes", bytearray(b"\x01\xfa"), bytearray(b"\x01\xfa"))
    got = w.server.query(q.query(lambda x: q.add(x, 1)))
    check("query", isinstance(got, Query) and got.value["api_version"] == "4", got)


def schema(w):
    spells, element = q.collection("spells"), [{"field": ["data", "element"]}]
    got = w.server.query(q.create_collection({"name": "spells"}))
    check("collection", got["history_days"] == 0 and got["ref"] == Ref("spells", Native.COLLECTIONS), got)
    w.server.query(q.create_collection({"name": "people"}))
    w.server.query(q.create_index({"name": "all", "source": spells}))
    w.server.query(q.create_index({"name": "by_element", "source": spells, "terms": element}))
    w.server.query(q.create_index({"name": "elements", "source": spells, "values": element}))
    joined = q.query(q.lambda_(["x", "y"], q.concat([q.var("x"), q.var("y")], "/")))
    w.server.query(q.create_function({"name": "joined", "body": joined}))
    gives(w.server, "call", q.call("joined", "a", "b"), "a/b")
    privileges = [{"resource": spells, "actions": {"read": True}}]
    w.admin.query(q.create_role({"name": "mage", "privileges": privileges}))
    provider = {"name": "p", "issuer": w.name, "jwks_uri": "https://keys.example/", "roles": [q.role("mage")]}
    got = w.admin.query(q.create_access_provider(provider))
    check("access provider", got["audience"].startswith("https://db.fauna.com/db/"), got)
    child = q.database(w.name)
    names = [ref.id() for ref in w.root.query(q.paginate(q.collections(child)))["data"]]
    check("scoped", names == ["spells", "people"], names)
    w.root.query(q.create_database({"name": w.name + "-moved"}))
    w.root.query(q.move_database(q.database(w.name + "-moved"), child))


def documents(w):
    c, spells = w.server, q.collection("spells")
    fire = c.query(q.create(spells, {"data": {"name": "fire", "element": "fire"}}))
    claw = c.query(q.create(spells, {"data": {"name": "claw", "element": ["water", "fire"]}}))
    w.ref = ref = fire["ref"]
    gives(c, "get", q.get(ref), fire)
    gives(c, "exists", [q.exists(ref), q.exists(ref, fire["ts"] - 1)], [True, False])
    fires, waters = (q.match(q.index("by_element"), element) for element in ("fire", "water"))
    elements = q.match(q.index("elements"))
    check("set", isinstance(c.query(fires), SetRef))
    sets = [
        q.union(fires, waters),
        q.intersection(fires, waters),
        q.difference(fires, waters),
        q.distinct(elements),
        q.range(elements, "fire", "fire"),
        q.join(fires, lambda x: q.singleton(x)),
        q.documents(spells),
    ]
    gives(c, "sets", [q.count(each) for each in sets], [2, 1, 1, 2, 2, 2, 2])
    page = c.query(q.paginate(fires, size=1))
    check("page", page["data"] == [ref] and "after" in page, page)
    gives(c, "after", q.select("data", q.paginate(fires, size=1, after=page["after"])), [claw["ref"]])
    gives(c, "at", q.at(fire["ts"], q.count(q.documents(spells))), 1)
    got = c.query(q.update(ref, {"data": {"name": "FIRE", "element": None}}))
    check("update", got["data"] == {"name": "FIRE"}, got)
    got = c.query(q.insert(ref, 1000, "create", {"data": {"n": 1}}))
    check("insert", (got["action"], got["ts"], got["document"]) == ("create", 1000, ref), got)
    gives(c, "remove", q.remove(ref, 1000, "create"), None)
    gives(c, "delete", q.select(["data", "name"], q.delete(claw["ref"])), "claw")


def functions(w):
    gives(
        w.server,
        "forms",
        [
            q.let({"x": 1}, q.add(q.var("x"), 1)),
            q.map_(lambda x: q.add(x, 1), [1, 2]),
            q.filter_(lambda x: q.equals(x, 2), [1, 2]),
            q.reduce(lambda a, b: q.add(a, b), 0, [1, 2]),
            q.merge({"x": 1}, {"x": None, "y": 2}),
            q.select_with_default("x", {}, "default"),
            q.find_str_regex("One Fish", "Fi"),
            q.format("%2$s%1$s", "a", "b"),
            q.divide(7, 2),
            q.round(123.666, 2),
            q.time_diff(q.epoch(0, "second"), q.epoch(1, "second"), "millisecond"),
        ],
        [
            2,
            [2, 3],
            [2],
            3,
            {"y": 2},
            "default",
            [{"start": 4, "end": 5, "data": "Fi"}],
            "ba",
            3,
            123.67,
            1000,
        ],
    )


def identities(w):
    user = w.server.query(q.create(q.collection("people"), {"credentials": {"password": "sesame"}}))["ref"]
    token = w.server.query(q.login(user, {"password": "sesame"}))
    session = w.server.new_session_client(token["secret"])
    gives(
        session,
        "session",
        [q.current_identity(), q.current_token(), q.has_identity()],
        [user, token["ref"], True],
    )
    self = Ref("self", Ref("people", Native.COLLECTIONS))
    gives(session, "self", q.select("ref", q.get(self)), user)
    gives(w.server, "identify", [q.identify(user, "sesame"), q.identify(user, "x")], [True, False])
    gives(session, "logout", q.logout(True), True)
    try:
        check("logged out", False, session.query(1))
    except errors.Unauthorized as error:
        check("logged out", error.errors[0].code == "unauthorized", error)
    found = q.select("ref", q.key_from_secret(w.server_key["secret"]))
    gives(w.root, "key from secret", found, w.server_key["ref"])


def faults(w):
    denied = "Insufficient privileges to perform the action."
    databases = q.paginate(q.databases())
    fails(w.client, "403", databases, errors.PermissionDenied, "permission denied", denied, ["paginate"])
    missing = q.get(q.ref(q.collection("spells"), "9"))
    fails(w.server, "404", missing, errors.NotFound, "instance not found", "Document not found.", [])
    invalid = q.create(q.collection("spells"), {"data": 1})
    text = "document data is not valid."
    fails(w.server, "validation", invalid, errors.BadRequest, "validation failed", text, ["create"])
    fails(w.server, "abort", q.abort("x"), errors.BadRequest, "transaction aborted", "x", [])
    try:
        w.server.query(q.call("joined", 1, "b"))
    except errors.BadRequest as error:
        check("cause", error.errors[0].code == "call error" and error.errors[0].cause, error)


def clients(w):
    check("ping", w.server.ping("node") == "Scope node is OK")
    seen = []
    observed = connect(w.server_key["secret"], observer=seen.append, query_timeout_ms=5000)
    observed.query(q.get(w.ref))
    headers = seen[0].response_headers
    check("observer", seen[0].status_code == 200 and int(headers["X-Txn-Time"]) > 0, headers)
    w.server.sync_last_txn_time(w.server.get_last_txn_time() + 10)
    gives(w.server, "last transaction time", q.add(1, 1), 2)


def events(w, client, expression, count, act, options=None):
    """The first events of a stream, each [type, event]; act runs when it has begun."""
    got = []

    def collect(event):
        got.append([event.type, event.event])
        if len(got) == 1:
            threading.Thread(target=act).start()
        if len(got) == count:
            stream.close()

    def failed(event):
        got.append(["error", event])
        stream.close()

    stream = client.stream(
        expression, options, on_start=collect, on_version=collect, on_set=collect, on_error=failed
    )
    stream.start()
    return got


def streams(w):
    def change(z):
        return lambda: w.server.query(q.update(w.ref, {"data": {"z": z}}))

    got = events(w, w.server, w.ref, 2, change(1))
    check("document", [each[0] for each in got] == ["start", "version"], got)
    check("document", got[1][1]["document"]["data"]["z"] == 1, got)
    fields = {"fields": ["action", "diff", "prev"]}
    got = events(w, w.server, w.ref, 2, change(2), fields)
    check("fields", got[1][1]["diff"]["data"] == {"z": 2} and got[1][1]["prev"]["data"]["z"] == 1, got)
    create = q.create(q.collection("spells"), {"data": {"element": "wind"}})
    wind = q.match(q.index("by_element"), "wind")
    got = events(w, w.server, wind, 2, lambda: w.server.query(create))
    check("set", (got[1][0], got[1][1]["action"]) == ("set", "add"), got)
    key = w.admin.query(q.create_key({"role": "server"}))
    holder = w.server.new_session_client(key["secret"])
    holder.query(1)

    def take_away():
        w.admin.query(q.delete(key["ref"]))
        change(3)()

    got = events(w, holder, w.ref, 9, take_away)
    check("lost authorization", got[-1][0] == "error" and "permission denied" in repr(vars(got[-1][1])), got)


def main():
    w = World()
    for part in (values, schema, documents, functions, identities, faults, clients, streams):
        part(w)


try:
    main()
except Exception as error:
    import traceback

    failures.append("%r %s" % (error, traceback.format_exc()))
print(json.dumps({"checks": checks, "failures": failures}))
