"""Making and changing what a schema is made of, by its forms."""

from __future__ import annotations

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import BadRequest, Unauthorized
from tests.dashboard.driving import text_of, type_into, visit

pytestmark = pytest.mark.browser

FQL = "FQL this will run"


def create(page):
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("status").get_by_text("Created").wait_for()


def save(page):
    page.get_by_label(FQL).get_by_text("Update(").wait_for()  # until then the button moves
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("status").get_by_text("Saved").wait_for()


def fql(page):
    return " ".join(text_of(page, FQL).split())


def get(database, ref):
    return database.client.query(q.get(ref))


@pytest.fixture
def spells(database):
    """A collection with three documents."""
    database.client.query(q.create_collection({"name": "spells"}))
    for number, name in enumerate(["Fire", "ember", "Frost"], 1):
        data = {"name": name, "cost": number, "tags": ["x"]}
        database.client.query(q.create(q.ref(q.collection("spells"), str(number)), {"data": data}))
    return database


def test_a_collection(database, app):
    visit(app, database, "create/collections")
    app.get_by_label("Name").fill("spells")
    app.get_by_label("Keep history for").fill("7")
    app.get_by_label("Documents live for").fill("30")
    app.get_by_label(FQL).get_by_text("CreateCollection").wait_for()
    assert fql(app) == 'CreateCollection({name: "spells", history_days: 7, ttl_days: 30})'
    app.get_by_label(FQL).locator("..").get_by_role("radio", name="Python").first.check()
    app.get_by_text("q.create_collection").wait_for()
    create(app)
    app.get_by_role("heading", name="spells").wait_for()
    app.get_by_role("link", name="Settings").click()
    app.get_by_label("Name").fill("magic")
    app.get_by_label("Documents live for").fill("")
    app.get_by_text("Data", exact=True).click()
    type_into(app, "data", '{"owner": "me"}')
    save(app)
    found = get(database, q.collection("magic"))
    assert (found["name"], found["history_days"], found["data"]) == ("magic", 7, {"owner": "me"})
    assert "ttl_days" not in found


def test_an_error_of_a_form_stands_beside_its_field(database, app):
    database.client.query(q.create_collection({"name": "taken"}))
    visit(app, database, "create/collections")
    app.get_by_label("Name").fill("no such/name")
    app.get_by_label("Keep history for").fill("many")
    app.get_by_role("button", name="Create", exact=True).click()
    app.locator(".field-row.wrong", has_text="Name").wait_for()
    app.locator(".field-row.wrong", has_text="Keep history").wait_for()
    assert app.get_by_label("Name").get_attribute("aria-invalid") == "true"
    app.get_by_label("Name").fill("taken")
    app.get_by_label("Keep history for").fill("0")
    app.get_by_role("button", name="Create", exact=True).click()
    app.get_by_role("alert").get_by_text("already exists").first.wait_for()


def test_an_index_with_a_binding_and_a_look_up(spells, app):
    visit(app, spells, "create/indexes")
    app.get_by_label("Name").fill("by_folded")
    app.get_by_role("button", name="Add a binding").click()
    app.get_by_label("Binding", exact=True).fill("folded")
    type_into(app, "is computed as", 'doc => LowerCase(Select(["data", "name"], doc))')
    app.get_by_role("button", name="Add a term").click()
    app.get_by_label("Kind of term 1").select_option("binding")
    app.get_by_role("button", name="Add a term").click()
    app.get_by_label("Field of term 2").fill("cost")
    app.get_by_role("button", name="Add a value").click()
    app.get_by_label("Field of value 1").fill("cost")
    app.get_by_label("descending").check()
    app.get_by_role("button", name="Add a value").click()
    app.get_by_label("Field of value 2").fill("ref")
    create(app)
    app.get_by_text("built", exact=True).wait_for()
    made = get(spells, q.index("by_folded"))
    assert made["terms"] == [{"binding": "folded"}, {"field": ["data", "cost"]}]
    assert made["values"] == [{"field": ["data", "cost"], "reverse": True}, {"field": ["ref"]}]
    app.get_by_text("Binding folded").wait_for()
    app.get_by_label("folded", exact=True).fill("ember")
    app.get_by_label("data.cost").fill("2")
    app.get_by_role("button", name="Look up").click()
    table = app.get_by_role("region", name="Entries of by_folded")
    table.get_by_role("link", name='Ref(Collection("spells"), "2")').wait_for()
    assert table.locator("th").all_inner_texts() == ["data.cost", "ref"]
    app.get_by_label("whole documents").check()
    app.get_by_text("ember", exact=True).wait_for()
    app.go_back()
    app.go_back()
    app.get_by_text("Give a value for each term").wait_for()


def test_what_an_index_covers_is_said_to_be_fixed(spells, app):
    spells.client.query(q.create_index({"name": "all_spells", "source": q.collection("spells")}))
    visit(app, spells, "edit/indexes/all_spells")
    app.get_by_text("What an index covers cannot be changed").wait_for()
    app.get_by_label("Name").fill("every_spell")
    app.get_by_label("Serialized").uncheck()
    save(app)
    assert get(spells, q.index("every_spell"))["serialized"] is False


def test_an_index_that_is_being_built_shows_how_far_it_is(database, app):
    database.client.query(q.create_collection({"name": "many"}))
    one = q.lambda_("n", q.create(q.collection("many"), {"data": {"n": q.var("n")}}))
    database.client.query(q.foreach(one, list(range(3000))))
    app.route(
        "**/dashboard/builds",
        lambda route: route.fulfill(json={"builds": {"slow": {"done": 1200, "total": 3000}}}),
    )
    app.route("**/", lambda route: _as_inactive(route))
    database.client.query(q.create_index({"name": "slow", "source": q.collection("many")}))
    visit(app, database, "indexes")
    app.get_by_role("progressbar", name="Build of slow").wait_for()
    assert "1,200 of 3,000 documents" in app.locator("main").inner_text()
    app.unroute("**/")
    app.unroute("**/dashboard/builds")
    visit(app, database, "indexes/slow")
    app.get_by_text("built", exact=True).wait_for()


def _as_inactive(route):
    """An index as it is while it is built."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('"active":true', '"active":false'))


def test_a_function_in_both_styles(database, app):
    visit(app, database, "create/functions")
    app.get_by_label("Name").fill("double")
    type_into(app, "Body", "x => Multiply(x, ")
    app.locator(".cm-lintRange-error").first.wait_for()
    assert app.get_by_role("button", name="Create", exact=True).is_disabled()
    type_into(app, "Body", "x => Multiply(x, 2)")
    app.get_by_role("radio", name="Python").first.check()
    app.get_by_label("Body", exact=True).get_by_text("lambda x: q.multiply(x, 2)").wait_for()
    app.get_by_label("Runs as").select_option("server")
    create(app)
    assert database.client.query(q.call("double", 21)) == 42
    app.get_by_role("link", name="Edit").click()
    app.get_by_label("Body", exact=True).get_by_text("lambda x: q.multiply(x, 2)").wait_for()
    type_into(app, "Body", "lambda x: q.multiply(x, 3)")
    app.get_by_label(FQL).get_by_text("q.multiply(x, 3)").wait_for()
    assert "role" not in fql(app), "only what changed is written"
    save(app)
    assert database.client.query(q.call("double", 21)) == 63
    assert get(database, q.function("double"))["role"] == "server"


def test_a_role_with_a_condition_and_members(spells, app):
    spells.client.query(q.create_collection({"name": "users"}))
    visit(app, spells, "create/roles")
    app.get_by_label("Name").fill("reader")
    app.get_by_role("button", name="Add a privilege").click()
    app.get_by_label("On", exact=True).select_option("collections/spells")
    app.get_by_label("read", exact=True).select_option("if")
    type_into(app, "read if", 'ref => LT(Select(["data", "cost"], Get(ref)), 3)')
    app.get_by_role("button", name="Add a collection").click()
    app.get_by_label("Documents of").select_option("users")
    create(app)
    key = spells.client.query(q.create_key({"role": q.role("reader")}))
    with FaunaClient(secret=key["secret"], endpoint=spells.server.address) as reader:
        found = reader.query(q.paginate(q.documents(q.collection("spells"))))
        assert [ref.id() for ref in found["data"]] == ["1", "2"]
    app.get_by_label("Predicate of read").get_by_text("LT(Select").wait_for()
    app.get_by_role("link", name="Edit").click()
    app.get_by_label("read if", exact=True).get_by_text("LT(Select").wait_for()
    app.get_by_label("create", exact=True).select_option("yes")
    save(app)
    role = get(spells, q.role("reader"))
    actions = role["privileges"][0]["actions"]
    assert actions["create"] is True
    assert actions["read"].value["lambda"] == "ref", "what was not touched is written as it was"
    assert role["membership"][0]["resource"].id() == "users"


def test_a_key_shows_its_secret_once(database, app):
    visit(app, database, "create/keys")
    app.get_by_label("What it is for").fill("the shop")
    app.get_by_label("Role").select_option("server")
    app.get_by_role("button", name="Create", exact=True).click()
    shown = app.get_by_role("dialog").locator(".secret code")
    shown.wait_for()
    secret = shown.inner_text()
    with FaunaClient(secret=secret, endpoint=database.server.address) as key:
        assert key.query(q.add(1, 1)) == 2
        app.get_by_role("button", name="Done").click()
        row = app.get_by_role("row", name="the shop")
        row.wait_for()
        assert secret not in app.content()
        row.get_by_role("button", name="Delete").click()
        app.get_by_role("dialog").get_by_role("button", name="Delete").click()
        row.wait_for(state="detached")
        with pytest.raises(Unauthorized):
            key.query(q.add(1, 1))


def test_databases_within_databases(database, app):
    visit(app, database, "create/databases")
    app.get_by_label("Name").fill("child")
    create(app)
    app.get_by_role("main").get_by_role("link", name="child", exact=True).click()
    app.get_by_text("This database is empty.").wait_for()
    app.get_by_role("link", name="New collection").click()
    app.get_by_label("Name").fill("inner")
    create(app)
    app.get_by_role("heading", name="inner").wait_for()
    assert "db=child" in app.url
    app.reload()
    app.get_by_role("heading", name="inner").wait_for()
    app.get_by_role("navigation", name="Databases").get_by_role("link", name="top").click()
    app.get_by_role("heading", name="top").wait_for()
    visit(app, database, "databases")
    app.get_by_role("button", name="Delete child").click()
    confirm = app.get_by_role("dialog")
    assert confirm.get_by_role("button", name="Delete").is_disabled()
    confirm.get_by_label("Type child to go on").fill("child")
    confirm.get_by_role("button", name="Delete").click()
    app.get_by_text("There are no databases here.").wait_for()
    with pytest.raises(BadRequest):
        get(database, q.database("child"))


def test_tokens_and_access_providers_are_listed(database, app):
    client = database.client
    client.query(q.create_collection({"name": "users"}))
    credentials = {"credentials": {"password": "x"}}
    client.query(q.create(q.ref(q.collection("users"), "1"), credentials))
    client.query(q.login(q.ref(q.collection("users"), "1"), {"password": "x"}))
    provider = {
        "name": "theirs",
        "issuer": "https://issuer.example",
        "jwks_uri": "https://issuer.example/jwks",
    }
    client.query(q.create_access_provider(provider))
    visit(app, database, "tokens")
    app.get_by_role("link", name='Ref(Collection("users"), "1")').wait_for()
    visit(app, database, "access_providers")
    app.get_by_role("row", name="theirs").get_by_text("https://issuer.example").wait_for()
    app.get_by_role("link", name="theirs").click()
    app.locator(".tree").get_by_text("https://issuer.example/jwks").wait_for()
