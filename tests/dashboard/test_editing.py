"""Making, changing, deleting and restoring documents."""

from __future__ import annotations

import re

import pytest

from faunadb import query as q
from tests.dashboard.driving import text_of, type_into, visit

pytestmark = pytest.mark.browser

BIG = 9007199254740993


@pytest.fixture
def users(database):
    """A collection that keeps history, whose documents have unique emails; one document, 1."""
    client = database.client
    client.query(q.create_collection({"name": "users", "history_days": 30}))
    client.query(
        q.create_index(
            {
                "name": "unique_email",
                "source": q.collection("users"),
                "terms": [{"field": ["data", "email"]}],
                "unique": True,
            }
        )
    )
    data = {"name": "Ada", "email": "ada@example.com", "big": BIG, "one": 1.0, "tags": ["a", "b"]}
    client.query(q.create(q.ref(q.collection("users"), "1"), {"data": data}))
    return database


def data_of(database, number="1"):
    return database.client.query(q.select("data", q.get(q.ref(q.collection("users"), number))))


def dialog(page):
    return page.get_by_role("dialog")


def test_update_with_a_look_at_the_difference(users, app):
    visit(app, users, "collections/users/1?tab=edit")
    app.get_by_label("data, as JSON").wait_for()
    text = text_of(app, "data, as JSON")
    assert f'"big": {BIG}' in text
    assert '"one": 1.0' in text
    changed = text.replace('"Ada"', '"Ada Lovelace"').replace(
        '"tags": [\n    "a",\n    "b"\n  ]', '"age": 36'
    )
    type_into(app, "data, as JSON", changed)
    app.get_by_role("button", name="Review and save").click()
    review = dialog(app)
    review.get_by_label("Difference").wait_for()
    assert '"Ada Lovelace"' in review.locator(".cm-changedLine").first.inner_text()
    assert '"Ada"' in review.locator(".cm-deletedChunk").first.inner_text()
    app.get_by_label("FQL this will run").last.get_by_text("Ada Lovelace").wait_for()
    fql = " ".join(text_of(review, "FQL this will run").split())
    assert fql.startswith('Update( Ref(Collection("users"), "1")')
    assert "tags: null" in fql
    assert "big" not in fql, "an update says what changed and nothing else"
    review.get_by_role("button", name="Save").click()
    app.get_by_role("status").get_by_text("Saved").wait_for()
    expected = {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "big": BIG,
        "one": 1.0,
        "age": 36,
    }
    assert data_of(users) == expected
    assert type(data_of(users)["one"]) is float


def test_replace_writes_the_whole(users, app):
    visit(app, users, "collections/users/1?tab=edit")
    app.get_by_label("Replace: write it as a whole").check()
    type_into(app, "data, as JSON", '{"name": "Grace", "when": {"@ts": "2024-01-02T03:04:05.678901Z"}}')
    app.get_by_role("button", name="Review and save").click()
    dialog(app).get_by_role("button", name="Save").click()
    app.get_by_role("status").get_by_text("Saved").wait_for()
    assert sorted(data_of(users)) == ["name", "when"]
    app.locator(".tree").get_by_text('Time("2024-01-02T03:04:05.678901Z")').wait_for()


def test_what_somebody_else_wrote_is_not_lost(users, app):
    visit(app, users, "collections/users/1?tab=edit")
    type_into(app, "data, as JSON", '{"name": "mine"}')
    app.get_by_role("button", name="Review and save").click()
    users.client.query(q.update(q.ref(q.collection("users"), "1"), {"data": {"name": "theirs"}}))
    dialog(app).get_by_role("button", name="Save").click()
    dialog(app).get_by_text("was changed by somebody else").wait_for()
    assert data_of(users)["name"] == "theirs"
    dialog(app).get_by_role("button", name="Write over it").click()
    app.get_by_role("status").get_by_text("Saved").wait_for()
    assert data_of(users) == {"name": "mine"}


def test_errors_stand_beside_their_field(users, app):
    users.client.query(q.create(q.ref(q.collection("users"), "2"), {"data": {"email": "grace@example.com"}}))
    visit(app, users, "collections/users/1?tab=edit")
    text = text_of(app, "data, as JSON")
    type_into(app, "data, as JSON", text.replace("ada@example.com", "grace@example.com"))
    app.get_by_role("button", name="Review and save").click()
    dialog(app).get_by_role("button", name="Save").click()
    app.get_by_role("alert").get_by_text("instance not unique").wait_for()
    marked = app.locator(".cm-lintRange-error")
    marked.first.wait_for()
    assert "email" in "".join(marked.all_inner_texts())
    app.get_by_label("Expires (ttl)").fill("tomorrow")
    type_into(app, "data, as JSON", text)
    app.get_by_role("button", name="Review and save").click()
    dialog(app).get_by_role("button", name="Save").click()
    app.get_by_role("alert").get_by_text(re.compile("tomorrow|time|date", re.I)).first.wait_for()


def test_text_that_is_no_json_is_marked(users, app):
    visit(app, users, "collections/users/1?tab=edit")
    type_into(app, "data, as JSON", '{"name": }')
    app.locator(".cm-lintRange-error").first.wait_for()
    assert app.get_by_role("button", name="Review and save").is_disabled()


def test_create_with_an_id_and_duplicate(users, app):
    visit(app, users, "collections/users/new")
    type_into(app, "data, as JSON", f'{{"name": "new", "email": "n@example.com", "big": {BIG}}}')
    app.get_by_label("Id", exact=True).fill("1")
    app.get_by_role("button", name="Create").click()
    app.locator(".field-row.wrong", has_text="Id").wait_for()
    app.get_by_label("Id", exact=True).fill("7")
    app.get_by_role("button", name="Create").click()
    app.get_by_role("heading", name="7", exact=True).wait_for()
    assert data_of(users, "7") == {"name": "new", "email": "n@example.com", "big": BIG}
    app.get_by_role("link", name="Duplicate").click()
    app.get_by_role("heading", name="Duplicate of 7").wait_for()
    type_into(
        app, "data, as JSON", text_of(app, "data, as JSON").replace("n@example.com", "copy@example.com")
    )
    app.get_by_role("button", name="Create").click()
    app.get_by_role("status").get_by_text("Created").wait_for()
    app.locator(".tree").get_by_text("copy@example.com").wait_for()


def test_delete_is_confirmed_and_can_be_undone(users, app):
    visit(app, users, "collections/users/1")
    app.get_by_role("button", name="Delete").click()
    dialog(app).get_by_role("button", name="Cancel").click()
    assert data_of(users)["name"] == "Ada"
    app.get_by_role("button", name="Delete").click()
    dialog(app).get_by_role("button", name="Delete").click()
    app.get_by_text("users has no documents yet.").wait_for()
    assert not users.client.query(q.exists(q.ref(q.collection("users"), "1")))
    visit(app, users, "collections/users/1")
    app.get_by_text("There is no such document").wait_for()
    app.get_by_role("link", name="history").click()
    app.get_by_role("button", name="Restore this version").first.click()
    dialog(app).get_by_role("button", name="Restore").click()
    app.get_by_role("status").get_by_text("Restored").wait_for()
    assert data_of(users)["big"] == BIG


def test_history_compares_and_restores(users, app):
    ref = q.ref(q.collection("users"), "1")
    for name in ("second", "third"):
        users.client.query(q.update(ref, {"data": {"name": name}}))
    visit(app, users, "collections/users/1?tab=history")
    events = app.get_by_role("list", name="Versions, newest first").get_by_role("listitem")
    events.nth(2).wait_for()
    assert [event.locator(".badge").inner_text() for event in events.all()] == ["update", "update", "create"]
    change = app.get_by_label("Difference between two versions")
    change.wait_for()
    assert '"third"' in change.locator(".cm-changedLine").inner_text()
    assert '"second"' in change.locator(".cm-deletedChunk").inner_text()
    app.get_by_label("Compare: version 3 is the older one").check()
    app.locator(".cm-deletedChunk", has_text='"Ada"').wait_for()
    events.nth(2).get_by_role("button", name="Restore this version").click()
    dialog(app).get_by_label("Difference").wait_for()
    dialog(app).get_by_role("button", name="Restore").click()
    app.get_by_role("status").get_by_text("Restored").wait_for()
    assert data_of(users)["name"] == "Ada"
    events.nth(3).wait_for()
