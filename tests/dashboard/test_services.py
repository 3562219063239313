"""What the server does for the dashboard: its files, translating, rendering, progress, streams; who may ask."""

from __future__ import annotations

import json

import pytest

from faunadb import query as q
from faunadb.dashboard import services
from faunadb.engine import open_engine
from faunadb.engine.background import building
from faunadb.engine.streaming import Dispatcher
from faunadb.engine.wire.http import handle
from faunadb.engine.wire.messages import HttpRequest
from faunadb.server.application import Application
from tests.server.running import eventually


@pytest.fixture
def engine():
    with open_engine("sqlite://", secret="secret") as engine:
        yield engine


@pytest.fixture
def ask(engine):
    """ask(method, path, body, secret, **headers) -> the response, by the way the server takes."""
    application = Application(engine)

    def ask(method, path, body=b"", secret="secret", **headers):
        sent = {"authorization": f"Bearer {secret}"} if secret else {}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        place, _, parameters = path.partition("?")
        request = HttpRequest(method, place, parameters, sent, body)
        return application._answer_quickly(request) or application._handle(engine, request)

    yield ask
    application.close()


def post(ask, path, body, **options):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = ask("POST", path, data, **options)
    return response.status, json.loads(response.body)


def test_a_browser_is_led_to_it_and_a_driver_is_not(ask):
    response = ask("GET", "/", accept="text/html,application/xhtml+xml")
    assert (response.status, dict(response.headers)["location"]) == (302, "/dashboard/")
    assert ask("GET", "/", accept="*/*").status != 302
    assert dict(ask("GET", "/dashboard").headers)["location"] == "/dashboard/"


@pytest.mark.parametrize(
    "path",
    ["", "index.html", "main.js", "style.css", "vendor/editor.js", "vendor/LICENSES.txt", "forms.json"],
)
def test_files(ask, path):
    response = ask("GET", f"/dashboard/{path}", secret=None)
    headers = dict(response.headers)
    assert response.status == 200
    assert "script-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    again = ask("GET", f"/dashboard/{path}", secret=None, if_none_match=headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert ask("HEAD", f"/dashboard/{path}", secret=None).body == b""


@pytest.mark.parametrize("path", ["nothing.js", "../pages.py", "static/main.js", "vendor/", "vendor"])
def test_other_files_are_not_there(ask, path):
    assert ask("GET", f"/dashboard/{path}").status == 404


@pytest.mark.parametrize("path", ["translate", "render", "builds"])
def test_services_take_a_valid_secret(ask, path):
    for secret in (None, "wrong"):
        assert post(ask, f"/dashboard/{path}", b"1", secret=secret)[0] == 401
    assert post(ask, f"/dashboard/{path}", b"1")[0] == 200
    assert ask("GET", f"/dashboard/{path}").status == 404


@pytest.mark.parametrize("path", ["translate", "render"])
def test_services_take_64_kilobytes(ask, path):
    assert post(ask, f"/dashboard/{path}", b'"%s"' % (b"x" * 65534))[0] == 200
    assert post(ask, f"/dashboard/{path}", b'"%s"' % (b"x" * 65535))[0] == 413


def test_translating_says_where_every_part_stands(ask):
    text = '"\N{PILE OF POO}"; Get(Ref(Collection("c"), "1"))'
    status, found = post(ask, "/dashboard/translate", text.encode())
    assert status == 200
    first, second = found["queries"]
    assert first["wire"] == "\N{PILE OF POO}"
    assert second["wire"] == {"get": {"ref": {"collection": "c"}, "id": "1"}}
    units = text.encode("utf-16-le")
    shown = {
        tuple(path): units[2 * start : 2 * end].decode("utf-16-le") for path, start, end in second["spans"]
    }
    assert shown[()] == 'Get(Ref(Collection("c"), "1"))'
    assert shown[("get", "id")] == '"1"'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("Get(Reff())", "Reff"), ("q.get(", "q.get("), ('"\N{PILE OF POO}" Nope(1)', "Nope")],
)
def test_a_text_that_is_no_query(ask, text, wrong):
    status, found = post(ask, "/dashboard/translate", text.encode())
    assert status == 400
    assert found["message"] in found["error"]
    units = text.encode("utf-16-le")
    marked = units[2 * found["start"] : 2 * found["end"]].decode("utf-16-le")
    assert marked in wrong or wrong in marked


def test_texts_that_cannot_be_read_at_all(ask):
    assert post(ask, "/dashboard/translate", b"\xff\xfe")[0] == 400
    assert post(ask, "/dashboard/render", b"{")[0] == 400
    assert post(ask, "/dashboard/render", b"[" * 60_000)[0] == 400


def test_rendering_in_both_styles(ask):
    wire = {"get": {"ref": {"collection": "c"}, "id": "1"}}
    assert post(ask, "/dashboard/render", wire) == (
        200,
        {"javascript": 'Get(Ref(Collection("c"), "1"))', "python": 'q.get(q.ref(q.collection("c"), "1"))'},
    )


def test_progress_of_a_build(engine, ask, monkeypatch):
    def run(expression, secret="secret"):
        body = json.dumps(expression).encode()
        request = HttpRequest(
            "POST",
            "/",
            "",
            {"authorization": f"Bearer {secret}", "x-faunadb-api-version": "4"},
            body,
        )
        response = handle(engine, request)
        assert response.status < 300, response.body
        return json.loads(response.body)["resource"]

    original = building._step
    steps = iter([original])  # one step, then the build is not gone on with
    monkeypatch.setattr(building, "_step", lambda ctx, ref: next(steps, lambda *_: False)(ctx, ref))
    monkeypatch.setattr(building, "STEP_SECONDS", -1)  # a step ends after its first document
    run({"create_collection": {"object": {"name": "c"}}})
    create = {"create": {"collection": "c"}, "params": {"object": {}}}
    run({"foreach": {"lambda": "n", "expr": create}, "collection": list(range(150))})
    run({"create_index": {"object": {"name": "i", "source": {"collection": "c"}}}})
    engine.background.wait()
    _, found = post(ask, "/dashboard/builds", b"")
    assert found == {"builds": {"i": {"done": 1, "total": 150}}}
    secret = run({"create_key": {"object": {"role": "client"}}})["secret"]
    assert post(ask, "/dashboard/builds", b"", secret=secret)[1] == {"builds": {}}


def test_forms_of_completion_are_those_of_the_drivers(ask):
    forms = json.loads(ask("GET", "/dashboard/forms.json").body)
    by_name = {form["javascript"]: form for form in forms}
    assert by_name["Paginate"]["javascriptArguments"].startswith("set, ")
    assert by_name["Now"]["javascriptArguments"] == ""
    assert all(form["summary"] for form in forms)
    assert all(hasattr(q, form["python"]) for form in forms if form["python"])


# Many streams in one answer


def doc(number):
    return {"ref": {"collection": "c"}, "id": str(number)}


def made(number, **data):
    return {"create": doc(number), "params": {"object": {"data": {"object": data}}}}


@pytest.fixture
def run(ask):
    """run(expression, secret) -> its value."""

    def run(expression, secret="secret"):
        status, found = post(ask, "/", expression, secret=secret, x_faunadb_api_version="4")
        assert status < 300, found
        return found["resource"]

    run({"create_collection": {"object": {"name": "c"}}})
    return run


@pytest.fixture
def follow(ask, run):
    """follow(expressions, **options) -> the next event of the answer, at each call, as data."""
    streams = []

    def follow(expressions, path="/dashboard/streams", **options):
        response = ask("POST", path, json.dumps(expressions).encode(), x_faunadb_api_version="4", **options)
        assert response.status == 200, response.body
        streams.append(response.stream)
        return lambda: json.loads(response.stream.next(10))

    yield follow
    for stream in streams:
        stream.close()


def test_events_say_which_stream_they_are_of(run, follow):
    event = follow([{"documents": {"collection": "c"}}, doc(1), doc(2)])
    started = [event() for _ in range(3)]
    assert [(each["stream"], each["type"]) for each in started] == [(0, "start"), (1, "start"), (2, "start")]
    assert len({each["txn"] for each in started}) == 1
    run(made(2, n=1))
    found = {each["stream"]: each for each in (event(), event())}
    assert (found[0]["type"], found[0]["event"]["action"]) == ("set", "add")
    assert (found[2]["type"], found[2]["event"]["document"]["data"]) == ("version", {"n": 1})
    run(made(1))
    assert {event()["stream"], event()["stream"]} == {0, 1}


def test_one_that_is_wrong_leaves_the_others(run, follow):
    event = follow(["text", doc(1), {"get": doc(9)}, {"create": {"collection": "c"}}, {"nope": 1}])
    assert [
        (each["stream"], each["type"], each["event"].get("code") if each["stream"] != 1 else None)
        for each in (event() for _ in range(5))
    ] == [
        (0, "error", "invalid argument"),
        (1, "start", None),
        (2, "error", "instance not found"),
        (3, "error", "invalid expression"),
        (4, "error", "invalid expression"),
    ]
    run(made(1))
    assert event()["stream"] == 1


def test_the_answer_ends_with_the_last_stream(ask, run):
    response = ask("POST", "/dashboard/streams", b'["a", "b"]')
    assert [json.loads(event)["stream"] for event in response.stream] == [0, 1]
    assert response.stream.ended


def test_members_of_events_are_chosen_as_for_a_single_stream(ask, run, follow):
    event = follow([doc(1)], path="/dashboard/streams?fields=action")
    event()
    run(made(1, n=1))
    assert event()["event"] == {"action": "create"}
    status, found = post(ask, "/dashboard/streams?fields=wrong", [doc(1)])
    assert (status, found["errors"][0]["code"]) == (400, "invalid url parameter")


@pytest.mark.parametrize(
    "body", [[], {}, "text", 1, {"documents": {"collection": "c"}}, [1] * (services.MAX_STREAMS + 1)]
)
def test_what_is_no_array_of_expressions(ask, body):
    status, found = post(ask, "/dashboard/streams", body)
    assert (status, found["error"]) == (400, "Expected an array of 1 to 1024 expressions.")


@pytest.mark.parametrize("body", [b"", b"[", b"\xff", b"[" * 60_000])
def test_what_is_no_json(ask, body):
    status, found = post(ask, "/dashboard/streams", body)
    assert (status, found["errors"][0]["code"]) == (400, "invalid expression")


def test_who_may_stream(ask):
    for secret in (None, "wrong"):
        assert post(ask, "/dashboard/streams", [doc(1)], secret=secret)[0] == 401
    assert ask("GET", "/dashboard/streams").status == 404
    assert post(ask, "/dashboard/streams", ["x" * services.MAX_EXPRESSIONS])[0] == 413


def test_as_many_as_a_table_has_rows(engine, run, follow):
    event = follow([doc(number) for number in range(services.MAX_STREAMS)])
    assert [event()["stream"] for _ in range(services.MAX_STREAMS)] == list(range(services.MAX_STREAMS))
    run(made(1023, n=1))
    assert event()["stream"] == 1023


def test_roles_hold(run, follow):
    odd = {"lambda": "r", "expr": {"equals": [{"select": ["data", "n"], "from": {"get": {"var": "r"}}}, 1]}}
    resource = {"resource": {"collection": "c"}, "actions": {"object": {"read": {"query": odd}}}}
    run({"create_role": {"object": {"name": "r", "privileges": [{"object": resource}]}}})
    secret = run({"create_key": {"object": {"role": {"role": "r"}}}})["secret"]
    event = follow([doc(1), doc(2)], secret=secret)
    assert [event()["type"], event()["type"]] == ["start", "start"]
    run(made(1, n=0))
    run(made(2, n=1))
    assert event()["stream"] == 1, "the document that it may not read is not told of"


def test_a_secret_that_is_revoked_meanwhile(run, follow):
    key = run({"create_key": {"object": {"role": "server"}}})
    event = follow([doc(1), doc(2)], secret=key["secret"])
    event(), event()
    run({"delete": {"ref": {"keys": None}, "id": key["ref"]["@ref"]["id"]}})
    run(made(2))
    lost = event()
    assert (lost["stream"], lost["type"], lost["event"]["code"]) == (1, "error", "permission denied")


def test_nothing_is_kept_of_streams_whose_reader_left(engine, ask, run):
    response = ask("POST", "/dashboard/streams", json.dumps([doc(n) for n in range(50)]).encode())
    assert engine.streams.count == 50
    response.stream.close()
    eventually(lambda: engine.streams.count == 0, "no stream is open")
    assert not engine.streams._subscribers


def test_what_waits_of_all_is_bounded_as_for_one(engine, run, follow):
    engine._streams = Dispatcher(engine, max_events=10)
    slow, quick = follow([doc(1), doc(2)]), follow([doc(3)])
    quick()
    run({"do": [made(number) for number in (1, 2, 3)]})
    quick()
    for n in range(4):
        change = {"object": {"data": {"object": {"n": n}}}}
        run({"do": [{"update": doc(number), "params": change} for number in (1, 2, 3)]})
        quick()
    assert slow() == {
        "type": "error",
        "txn": 0,
        "event": {
            "code": "time out",
            "description": "Stream closed due to congestion after accumulating 11 items.",
        },
    }
    eventually(lambda: engine.streams.count == 1, "the streams of the slow reader are closed")


def test_streams_count_one_by_one(engine, run, follow):
    engine._streams = Dispatcher(engine, max_streams=2)
    event = follow([doc(1), doc(2), doc(3)])
    assert [event()["type"] for _ in range(2)] == ["start", "start"]
    assert event() == {
        "stream": 2,
        "type": "error",
        "txn": 0,
        "event": {"code": "too many requests", "description": "Too many open streams."},
    }


def test_more_than_may_wait_at_once(engine, ask, run):
    engine._streams = Dispatcher(engine, max_events=10)
    response = ask("POST", "/dashboard/streams", json.dumps([doc(n) for n in range(50)]).encode())
    assert json.loads(response.stream.next(10))["event"]["code"] == "time out"
    assert response.stream.next(10) is None
    eventually(lambda: engine.streams.count == 0, "no stream is open")


def test_streams_end_with_the_engine(engine, ask, run):
    response = ask("POST", "/dashboard/streams", json.dumps([doc(1), doc(2)]).encode())
    engine.close_streams()
    assert len(list(response.stream)) == 2
    assert response.stream.ended
