"""What the server does for the dashboard: its files, translating, rendering, progress; who may ask."""

from __future__ import annotations

import json

import pytest

from faunadb import query as q
from faunadb.engine import open_engine
from faunadb.engine.background import building
from faunadb.engine.wire.http import handle
from faunadb.engine.wire.messages import HttpRequest
from faunadb.server.application import Application


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
        request = HttpRequest(method, path, "", sent, body)
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
