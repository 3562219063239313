"""Signing in, what a limited secret sees, addresses and Back, the keyboard."""

from __future__ import annotations

import pytest

from faunadb import query as q
from tests.dashboard.driving import sign_in, type_into, visit

pytestmark = pytest.mark.browser


@pytest.fixture
def spells(database):
    database.client.query(q.create_collection({"name": "spells"}))
    for number in range(1, 4):
        data = {"name": f"spell {number}"}
        database.client.query(q.create(q.ref(q.collection("spells"), str(number)), {"data": data}))
    return database


def test_signing_in_and_out(page, spells):
    page.goto(spells.server.address + "/")
    page.get_by_label("Secret of a key or token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("alert").get_by_text("That secret is not valid here.").wait_for()
    sign_in(page, spells.url, spells.secret)
    assert spells.secret not in page.evaluate("JSON.stringify(localStorage)")
    assert spells.secret not in page.content()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Secret of a key or token").wait_for()
    assert page.evaluate("sessionStorage.length") == 0


def test_an_address_leads_to_its_view_also_before_signing_in(page, spells):
    sign_in(page, f"{spells.url}#/collections/spells/2?tab=text", spells.secret)
    page.get_by_label("The document as JSON").get_by_text("spell 2").wait_for()


def test_the_way_in_of_the_command(page, spells):
    page.goto(f"{spells.url}#enter={spells.secret}")
    page.get_by_role("heading", name="top").wait_for()
    assert page.url == f"{spells.url}#/"
    page.goto("about:blank")
    page.goto(f"{spells.url}#enter=of-somebody-else")
    page.get_by_role("heading", name="top").wait_for()


def test_a_secret_that_was_revoked_leads_back_to_the_door(page, root, spells):
    key = spells.client.query(q.create_key({"role": "admin"}))
    sign_in(page, spells.url, key["secret"])
    spells.client.query(q.delete(key["ref"]))
    page.get_by_role("navigation", name="What is in").get_by_role("link", name="spells").click()
    page.get_by_text("The secret is not valid (any more).").wait_for()


def test_every_view_is_a_place_that_back_leaves(spells, app):
    places = [
        "collections/spells",
        "collections/spells/1",
        "collections/spells/1?tab=edit",
        "query",
        "indexes",
        "create/collections",
        "roles",
        "activity",
    ]
    for place in places:
        visit(app, spells, place)
    for place in reversed(places[:-1]):
        app.go_back()
        app.wait_for_url(f"{spells.url}#/{place}")
        app.get_by_role("heading", level=1).first.wait_for()
    app.go_back()
    app.get_by_role("heading", name="top").wait_for()


@pytest.fixture
def reader(spells):
    """The secret of a key that may read one document of spells and create none, and see nothing of the schema."""
    only = q.query(q.lambda_("ref", q.equals(q.var("ref"), q.ref(q.collection("spells"), "2"))))
    privileges = [{"resource": q.collection("spells"), "actions": {"read": only}}]
    spells.client.query(q.create_role({"name": "reader", "privileges": privileges}))
    return spells.client.query(q.create_key({"role": q.role("reader")}))["secret"]


def test_a_limited_secret_sees_what_it_may_and_is_told_what_not(page, spells, reader):
    sign_in(page, spells.url, reader)
    page.get_by_text("This secret does not see everything.").wait_for()
    side = page.get_by_role("navigation", name="What is in this database")
    side.get_by_text("This secret may not list them.").first.wait_for()
    side.get_by_label("Name of a collection").fill("spells")
    side.get_by_role("button", name="Open").click()
    page.get_by_role("link", name="2", exact=True).wait_for()
    assert page.locator("main tbody tr").count() == 1
    visit(page, spells, "collections/spells/1")
    page.get_by_text("This secret may not read this document.").wait_for()
    visit(page, spells, "collections/spells/new")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("This secret may not create documents here.").wait_for()
    visit(page, spells, "keys")
    page.get_by_text("This secret may not list keys.").or_(
        page.get_by_text("There are no keys here.")
    ).wait_for()
    visit(page, spells, "query")
    type_into(page, "Query", 'Delete(Ref(Collection("spells"), "2"))')
    page.keyboard.press("Control+Enter")
    page.get_by_text("This secret may not run this.").wait_for()


def test_by_keyboard_alone(page, spells):
    keyboard = page.keyboard
    page.goto(spells.url)
    page.locator("#secret:focus").wait_for()
    keyboard.type(spells.secret)
    keyboard.press("Enter")
    page.get_by_role("heading", name="top").wait_for()
    keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
    keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    keyboard.type("gc")
    page.get_by_role("heading", name="Collections").first.wait_for()
    tab_to(page, "e => e.closest('main') && e.innerText === 'spells'")
    keyboard.press("Enter")
    page.get_by_role("heading", name="spells").wait_for()
    page.get_by_role("link", name="3", exact=True).wait_for()
    tab_to(page, "e => e.innerText === '3'")
    keyboard.press("Enter")
    page.get_by_role("tab", name="Edit").wait_for()
    keyboard.press("e")
    page.get_by_label("data, as JSON").wait_for()
    tab_to(page, "e => e.getAttribute('aria-label') === 'data, as JSON'")
    keyboard.press("Control+a")
    keyboard.press("Delete")
    keyboard.insert_text('{"name": "typed"}')
    keyboard.press("Control+s")
    page.get_by_role("dialog", name="Save this change?").wait_for()
    tab_to(page, "e => e.innerText === 'Save'")
    keyboard.press("Enter")
    page.get_by_role("status").get_by_text("Saved").wait_for()
    keyboard.type("gq")
    page.get_by_label("Query", exact=True).wait_for()
    tab_to(page, "e => e.getAttribute('aria-label') === 'Query'")
    keyboard.press("Control+a")
    keyboard.press("Delete")
    keyboard.insert_text("Add(40, 2)")
    keyboard.press("Control+Enter")
    page.locator(".tree").get_by_text("42").wait_for()
    keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Run", "Tab leaves the editor"


def tab_to(page, condition):
    """Press Tab until the focused element fulfils a condition, and see that focus shows."""
    focused = """() => { let e = document.activeElement; while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement; return e; }"""
    for _ in range(80):
        if page.evaluate(
            f"() => {{ const e = ({focused})(); return Boolean(e) && Boolean(({condition})(e)); }}"
        ):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never leads to: {condition}")


def test_shortcuts_of_lists(database, app):
    database.client.query(q.create_collection({"name": "many"}))
    made = [q.create(q.ref(q.collection("many"), str(n)), {"data": {"n": n}}) for n in range(1, 31)]
    database.client.query(q.do(*made))
    visit(app, database, "collections/many?size=10")
    app.get_by_role("link", name="10", exact=True).wait_for()
    app.keyboard.press("n")
    app.get_by_role("link", name="20", exact=True).wait_for()
    app.keyboard.press("p")
    app.get_by_role("link", name="10", exact=True).wait_for()
    app.keyboard.press("/")
    assert app.evaluate("document.activeElement.id") == "filter-field"


@pytest.mark.viewport(390, 844)
def test_on_a_phone(spells, app):
    side = app.get_by_role("navigation", name="What is in this database")
    assert not side.is_visible()
    app.get_by_role("button", name="Menu").click()
    side.get_by_role("link", name="spells").click()
    side.wait_for(state="hidden")
    app.get_by_role("link", name="3", exact=True).wait_for()
    places = [
        "collections/spells",
        "collections/spells/1",
        "collections/spells/1?tab=edit",
        "query",
        "indexes",
    ]
    for place in [*places, "create/indexes", "create/roles", "keys", "activity", ""]:
        visit(app, spells, place)
        app.get_by_role("heading", level=1).first.wait_for()
        wide = app.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{place} is wider than a phone"
