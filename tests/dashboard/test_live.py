"""A live table: what other clients do to its documents is told by streams, and nothing is asked meanwhile."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from faunadb import query as q
from tests.dashboard.driving import sign_in, visit

pytestmark = pytest.mark.browser


def spell(number):
    return q.ref(q.collection("spells"), str(number))


@pytest.fixture
def spells(database):
    """A hundred and twenty documents."""
    database.client.query(q.create_collection({"name": "spells"}))
    made = [q.create(spell(n), {"data": {"name": f"spell {n}", "school": n % 2}}) for n in range(1, 121)]
    database.client.query(q.do(*made))
    return database


@pytest.fixture
def asked(app):
    """The paths of what the page asks for."""
    paths: list[str] = []
    app.on("request", lambda request: paths.append(urlsplit(request.url).path))
    return paths


def rename(database, number, name):
    database.client.query(q.update(spell(number), {"data": {"name": name}}))


def follow(page, database, place):
    # When all streams have begun, it looks once at what has changed since the rows were read.
    with page.expect_response(lambda answer: '"exists"' in (answer.request.post_data or "")):
        visit(page, database, place)
    page.get_by_text("following").wait_for()


def test_what_comes_changes_and_goes(spells, app, asked):
    follow(app, spells, "collections/spells?live=1&size=500")
    assert asked.count("/dashboard/streams") == 1, "one answer for the collection and all its rows"
    assert "/stream" not in asked
    asked.clear()
    rename(spells, 1, "altered first")
    app.locator("tr.changed", has_text="altered first").wait_for()
    rename(spells, 120, "altered last")
    app.locator("tr.changed", has_text="altered last").wait_for()
    spells.client.query(q.delete(spell(2)))
    app.locator("tr.deleted", has_text="spell 2").first.wait_for()
    assert asked == [], "events bring what changed: nothing is asked"
    spells.client.query(q.create(spell(900), {"data": {"name": "just made"}}))
    app.locator("tr.new", has_text="just made").wait_for()
    assert app.locator("main tbody tr").first.inner_text().startswith("900")
    app.get_by_role("button", name="● Live").click()
    app.get_by_role("button", name="Live", exact=True).wait_for()
    assert app.locator("tr.new, tr.changed, tr.deleted").count() == 0


def test_rows_that_came_are_followed_too(spells, app):
    follow(app, spells, "collections/spells?live=1&size=10")
    with app.expect_request("**/dashboard/streams?*"):
        spells.client.query(q.create(spell(900), {"data": {"name": "just made"}}))
        app.locator("tr.new", has_text="just made").wait_for()
    rename(spells, 900, "made anew")
    app.locator("tr.changed", has_text="made anew").wait_for()


def test_other_rows_take_the_place_of_those_shown(spells, app):
    follow(app, spells, "collections/spells?live=1&size=10")
    with app.expect_event("requestfailed", lambda request: "/dashboard/streams" in request.url):
        app.get_by_role("button", name="Next").click()
        app.get_by_role("link", name="11", exact=True).wait_for()
    rename(spells, 1, "on the page before")
    rename(spells, 11, "on this page")
    app.locator("tr.changed", has_text="on this page").wait_for()
    assert app.get_by_text("on the page before").count() == 0


def test_only_what_a_filter_lets_through_comes_in(spells, app):
    follow(app, spells, "collections/spells?field=school&value=1&live=1&size=500")
    spells.client.query(q.create(spell(900), {"data": {"name": "of the other", "school": 0}}))
    spells.client.query(q.create(spell(901), {"data": {"name": "of this one", "school": 1}}))
    app.locator("tr.new", has_text="of this one").wait_for()
    assert app.get_by_text("of the other").count() == 0


def test_one_document_by_its_id(spells, app):
    follow(app, spells, "collections/spells?field=id&value=7&live=1")
    rename(spells, 8, "somebody else")
    rename(spells, 7, "altered")
    app.locator("tr.changed", has_text="altered").wait_for()
    assert app.locator("main tbody tr").count() == 1


def test_a_limited_secret_is_told_of_what_it_may_read(spells, page):
    may = q.query(lambda ref: q.equals(q.select(["data", "school"], q.get(ref)), 1))
    role = {"name": "odd", "privileges": [{"resource": q.collection("spells"), "actions": {"read": may}}]}
    spells.client.query(q.create_role(role))
    secret = spells.client.query(q.create_key({"role": q.role("odd")}))["secret"]
    sign_in(page, spells.url, secret)
    follow(page, spells, "collections/spells?live=1")
    rename(spells, 2, "hidden")
    spells.client.query(q.create(spell(900), {"data": {"name": "hidden, too", "school": 0}}))
    rename(spells, 1, "to be seen")
    page.locator("tr.changed", has_text="to be seen").wait_for()
    assert page.get_by_text("hidden").count() == 0


def test_a_secret_that_is_revoked(spells, page):
    key = spells.client.query(q.create_key({"role": "server"}))
    sign_in(page, spells.url, key["secret"])
    follow(page, spells, "collections/spells?live=1&size=10")
    spells.client.query(q.delete(key["ref"]))
    rename(spells, 1, "not for you")
    page.get_by_text("Authorization lost during stream evaluation.").wait_for()
    assert page.get_by_text("not for you").count() == 0
