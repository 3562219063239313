"""The query editor."""

from __future__ import annotations

import threading

import pytest

from faunadb import query as q
from tests.dashboard.driving import text_of, type_into, visit
from tests.server.running import eventually

pytestmark = pytest.mark.browser


def run(page, text):
    type_into(page, "Query", text)
    page.keyboard.press("Control+Enter")


def results(page):
    found = page.locator(".result")
    found.first.wait_for()
    page.locator(".result[aria-busy=true]").first.wait_for(state="detached")
    return found.all()


@pytest.fixture
def console(database, app):
    database.client.query(q.create_collection({"name": "spells"}))
    index = {
        "name": "spells_by_name",
        "source": q.collection("spells"),
        "terms": [{"field": ["data", "name"]}],
    }
    database.client.query(q.create_index(index))
    visit(app, database, "query")
    app.get_by_label("Query", exact=True).wait_for()
    return app


@pytest.mark.parametrize(
    "text",
    [
        'Map([1, 2], Lambda("x", Add(Var("x"), 9007199254740990)))',
        "q.map_(lambda x: q.add(x, 9007199254740990), [1, 2])",
    ],
)
def test_both_styles_in_three_shapes(console, text):
    run(console, text)
    assert "1: 9007199254740992" in results(console)[0].inner_text()
    console.get_by_role("tab", name="Table").click()
    rows = console.locator(".result tbody tr")
    assert rows.all_inner_texts() == ["9007199254740991", "9007199254740992"]
    console.get_by_role("tab", name="Text").click()
    assert "9007199254740991" in console.locator(".result .cm-content").inner_text()


def test_several_queries_each_with_its_result_and_cost(console):
    run(
        console,
        'Create(Collection("spells"), {data: {name: "a"}})\n\nCount(Documents(Collection("spells")))\n1.5',
    )
    console.get_by_role("region", name="Result 3").wait_for()
    first, second, third = results(console)
    assert 'name: "a"' in first.inner_text()
    costs = [each.locator(".result-head .soft").inner_text() for each in (first, second, third)]
    assert " 0 write" not in costs[0]
    assert " 0 write" in costs[1]
    assert "0 read · 0 write" in costs[2], "what others read is not counted"


def test_an_error_is_marked_where_it_is(console):
    run(console, 'Do(1, "\U0001f525", Get(Ref(Collection("spells"), Add("a", 1))), 2)')
    console.get_by_role("alert").get_by_text("Number expected, String provided").wait_for()
    marked = console.locator(".cm-lintRange-error")
    marked.first.wait_for()
    assert marked.all_inner_texts() == ['"a"']
    run(console, "1\nGett(2)\n3")
    console.get_by_role("alert").get_by_text("did you mean Get?").wait_for()
    assert console.locator(".cm-lintRange-error").all_inner_texts() == ["Gett"]


def test_only_what_is_selected(console):
    type_into(console, "Query", "Add(1, 1)\nAdd(20, 22)")
    console.keyboard.press("Shift+Home")
    console.keyboard.press("Control+Enter")
    assert [each.locator(".tree").inner_text().strip() for each in results(console)] == ["42"]


def test_completion_of_forms_and_names(console):
    editor = console.get_by_label("Query", exact=True)
    type_into(console, "Query", "")
    editor.press_sequentially("Pagin")
    option = console.get_by_role("option", name="Paginate")
    option.wait_for()
    assert "set, {size" in option.inner_text()
    option.click()
    editor.press_sequentially('Match(Index("sp')
    console.get_by_role("option", name="spells_by_name").click()
    assert text_of(console, "Query") == 'Paginate(Match(Index("spells_by_name")))'
    console.get_by_role("radio", name="Python").check()
    type_into(console, "Query", "")
    editor.press_sequentially("q.contains_str_re")
    option = console.get_by_role("option", name="contains_str_regex")
    option.wait_for()
    assert "value, pattern" in option.inner_text()


def test_the_style_of_a_text_can_be_changed(console):
    type_into(console, "Query", 'Get(Ref(Collection("spells"), "1"))')
    console.get_by_role("radio", name="Python").check()
    console.get_by_text('q.get(q.ref(q.collection("spells"), "1"))').first.wait_for()


def test_cancel_ends_the_query_and_the_next_one_runs(console, database):
    held = threading.Event()
    console.route("**/", lambda route: None if not held.is_set() else route.continue_())
    run(console, "Add(1, 1)\nAdd(2, 2)")
    console.get_by_role("button", name="Cancel").click()
    console.get_by_text("The database ends it, too").wait_for()
    held.set()
    console.unroute("**/")
    run(console, "Add(1, 1)")
    assert len(results(console)) == 1


def test_as_somebody_else(console, database):
    console.get_by_label("Run as").select_option("client")
    run(console, 'Create(Collection("spells"), {})')
    console.get_by_text("This secret may not run this.").wait_for()
    key = database.client.query(q.create_key({"role": "server"}))
    console.get_by_label("Run as").select_option("secret")
    console.get_by_label("Secret", exact=True).fill(key["secret"])
    run(console, "CurrentIdentity()")
    results(console)
    run(console, 'Count(Documents(Collection("spells")))')
    console.locator(".tree").get_by_text("0", exact=True).wait_for()
    assert key["secret"] not in console.evaluate("JSON.stringify([localStorage, sessionStorage])")


def test_history_and_saved_queries_by_database(console, database):
    run(console, "Add(40, 2)")
    results(console)
    run(console, 'Login(Ref(Collection("spells"), "1"), {password: "hunter2"})')
    results(console)
    type_into(console, "Query", "")
    console.keyboard.press("Alt+ArrowUp")
    eventually(lambda: text_of(console, "Query").startswith("Login("), "the last query is shown")
    console.keyboard.press("Alt+ArrowUp")
    eventually(lambda: text_of(console, "Query") == "Add(40, 2)", "the one before is shown")
    console.get_by_text("Saved", exact=True).click()
    console.get_by_role("button", name="Save this query").click()
    console.get_by_label("Name").fill("the answer")
    console.get_by_role("dialog").get_by_role("button", name="Save").click()
    assert "hunter2" not in console.evaluate("JSON.stringify(localStorage)")
    type_into(console, "Query", "")
    console.reload()
    console.get_by_text("Saved", exact=True).click()
    console.get_by_role("button", name="the answer", exact=True).click()
    assert text_of(console, "Query") == "Add(40, 2)"
    console.get_by_text("History", exact=True).click()
    console.get_by_role("button", name="hunter2").wait_for()
    database.client.query(q.create_database({"name": "other"}))
    visit(console, database, "query?db=other")
    console.get_by_label("Query", exact=True).wait_for()
    console.get_by_text("History", exact=True).click()
    console.get_by_text("Nothing was run here yet.").wait_for()


def test_a_stream(console, database):
    type_into(console, "Query", 'Documents(Collection("spells"))')
    console.get_by_role("button", name="Stream").click()
    log = console.get_by_role("log")
    log.get_by_text("start").wait_for()
    database.client.query(q.create(q.ref(q.collection("spells"), "77"), {}))
    log.get_by_role("link", name='Ref(Collection("spells"), "77")').first.wait_for()
