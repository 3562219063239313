"""Looking at documents: the table, filters, orders, pages, files, one document, links."""

from __future__ import annotations

import json

import pytest

from faunadb import query as q
from tests.dashboard.driving import text_of, visit

pytestmark = pytest.mark.browser

BIG = 9007199254740993


@pytest.fixture
def spells(database):
    """Thirty documents, an index to sort them by cost, one to find them by element."""
    client = database.client
    client.query(q.create_collection({"name": "spells", "history_days": 30}))
    made = [
        q.create(
            q.ref(q.collection("spells"), str(100 + n)),
            {"data": {"name": f"spell {n}", "cost": 50 - n, "element": ["fire", "water", "air"][n % 3]}},
        )
        for n in range(30)
    ]
    client.query(q.do(*made))
    source = q.collection("spells")
    by_cost = {
        "name": "by_cost",
        "source": source,
        "values": [{"field": ["data", "cost"]}, {"field": ["ref"]}],
    }
    by_element = {"name": "by_element", "source": source, "terms": [{"field": ["data", "element"]}]}
    client.query(q.do(q.create_index(by_cost), q.create_index(by_element)))
    return database


def rows(page):
    """The cells of the table's rows."""
    body = page.locator("main tbody tr")
    body.first.wait_for()
    return [row.locator("td").all_inner_texts() for row in body.all()]


def first_column(page):
    return [cells[0] for cells in rows(page)]


def test_values_are_exact(database, app):
    data = {"big": BIG, "double": 1.0, "integer": 1, "tiny": 1e-7}
    database.client.query(q.create_collection({"name": "exact"}))
    database.client.query(q.create(q.ref(q.collection("exact"), "1"), {"data": data}))
    visit(app, database, "collections/exact")
    assert rows(app)[0][1:5] == [str(BIG), "1.0", "1", "1.0E-7"]
    app.get_by_role("link", name="1", exact=True).click()
    tree = app.locator(".tree")
    tree.wait_for()
    assert f"big: {BIG}" in tree.inner_text()
    assert "double: 1.0" in tree.inner_text()
    app.get_by_role("tab", name="JSON").click()
    app.get_by_label("The document as JSON").wait_for()
    assert f'"big": {BIG}' in text_of(app, "The document as JSON")


def test_pages_and_back(spells, app):
    app.get_by_role("navigation", name="What is in").get_by_role("link", name="spells").click()
    assert len(rows(app)) == 25
    app.get_by_role("button", name="Next →").click()
    app.get_by_role("link", name="125").wait_for()
    assert first_column(app) == [str(n) for n in range(125, 130)]
    app.get_by_label("Rows").select_option("10")
    app.get_by_role("link", name="100", exact=True).wait_for()
    assert len(rows(app)) == 10
    app.go_back()
    app.get_by_role("link", name="129").wait_for()
    app.go_back()
    app.get_by_role("link", name="100", exact=True).wait_for()
    app.go_back()
    app.get_by_role("heading", name=spells.name).or_(app.get_by_role("heading", name="top")).wait_for()
    app.go_forward()
    app.get_by_role("heading", name="spells").wait_for()


def test_cursors_go_back_as_exact_as_they_came(database, app):
    client = database.client
    client.query(q.create_collection({"name": "c"}))
    client.query(
        q.create_index(
            {
                "name": "by_n",
                "source": q.collection("c"),
                "values": [{"field": ["data", "n"]}, {"field": ["ref"]}],
            }
        )
    )
    made = [
        q.create(q.ref(q.collection("c"), str(n + 1)), {"data": {"n": BIG - 1 + n // 2}}) for n in range(24)
    ]
    client.query(q.do(*made))
    visit(app, database, "collections/c?order=by_n&size=10")
    seen = first_column(app)
    for last in ("20", "24"):
        app.get_by_role("button", name="Next →").click()
        app.get_by_role("link", name=last, exact=True).wait_for()
        seen += first_column(app)
    assert seen == [str(n + 1) for n in range(24)]


def test_filter_says_what_it_uses(spells, app):
    visit(app, spells, "collections/spells")
    found = app.get_by_role("search", name="Filter documents")

    def filter_by(field, value, op="equals"):
        found.get_by_label("Field", exact=True).fill(field)
        found.get_by_label("Comparison").select_option(op)
        found.get_by_label("Value", exact=True).fill(value)
        found.get_by_role("button", name="Filter").click()

    filter_by("element", "fire")
    found.get_by_text("Uses index by_element.").wait_for()
    app.get_by_text("10 shown").wait_for()
    assert {cells[3] for cells in rows(app)} == {"fire"}
    filter_by("id", "117")
    found.get_by_text("Reads one document by its id.").wait_for()
    app.get_by_text("1 shown").wait_for()
    assert first_column(app) == ["117"]
    filter_by("cost", "40", "least")
    found.get_by_text("Uses index by_cost.").wait_for()
    app.get_by_text("11 shown").wait_for()
    filter_by("name", "spell 1", "contains")
    found.get_by_text("Scans the whole collection").wait_for()
    app.get_by_text("Scanned everything: 11 found").wait_for()
    filter_by("*", "SPELL 29", "contains")
    app.get_by_text("Scanned everything: 1 found").wait_for()
    assert first_column(app) == ["129"]
    filter_by("name", "nothing like it")
    app.get_by_text("No document is like that.").wait_for()
    app.go_back()
    app.get_by_text("Scanned everything: 1 found").wait_for()


def test_order_by_an_index_and_round(spells, app):
    visit(app, spells, "collections/spells")
    app.get_by_label("Order", exact=True).select_option("by_cost")
    app.get_by_role("link", name="129").wait_for()
    assert first_column(app)[0] == "129"
    app.get_by_role("button", name="Descending").click()
    app.get_by_role("link", name="100", exact=True).wait_for()
    assert first_column(app)[:2] == ["100", "101"]


def test_columns_are_chosen_and_kept(spells, app):
    visit(app, spells, "collections/spells")
    app.get_by_text("Columns 4/4").click()
    app.get_by_role("checkbox", name="cost").uncheck()
    app.get_by_placeholder("address.city").fill("missing.field")
    app.get_by_role("button", name="Add", exact=True).click()
    heads = app.locator("main thead th").all_inner_texts()
    assert heads == ["id", "name", "element", "ts", "missing.field"]
    app.reload()
    app.get_by_text("Columns 4/5").wait_for()
    assert app.locator("main thead th").all_inner_texts() == heads


@pytest.mark.parametrize("kind", ["JSON", "CSV"])
def test_download_of_everything(spells, app, kind):
    visit(app, spells, "collections/spells?size=10")
    app.get_by_text("Download").click()
    with app.expect_download() as started:
        app.get_by_role("button", name=f"Everything as {kind}").click()
    text = started.value.path().read_text(encoding="utf-8")
    if kind == "JSON":
        assert [document["data"]["cost"] for document in json.loads(text)] == list(range(50, 20, -1))
    else:
        lines = text.splitlines()
        assert lines[0] == "ref,name,cost,element,ts"
        assert lines[1].startswith("100,spell 0,50,fire,")
        assert len(lines) == 31


def test_the_rows_shown_are_copied_as_json(spells, app):
    visit(app, spells, "collections/spells?size=10")
    app.get_by_role("button", name="Copy JSON").click()
    app.get_by_text("Copied").wait_for()
    copied = json.loads(app.evaluate("navigator.clipboard.readText()"))
    assert [document["data"]["name"] for document in copied] == [f"spell {n}" for n in range(10)]


def test_links_between_documents(spells, app):
    spells.client.query(q.create_collection({"name": "users"}))
    ref = q.ref(q.collection("spells"), "103")
    data = {"favourite": ref, "where": q.collection("spells")}
    spells.client.query(q.create(q.ref(q.collection("users"), "1"), {"data": data}))
    visit(app, spells, "collections/users")
    app.get_by_role("link", name='Ref(Collection("spells"), "103")').click()
    app.get_by_role("heading", name="103").wait_for()
    app.go_back()
    app.get_by_role("link", name="1", exact=True).click()
    app.locator(".tree").get_by_role("link", name='Collection("spells")', exact=True).first.click()
    app.get_by_role("heading", name="spells").wait_for()


def test_documents_are_text_and_never_markup(database, app):
    nasty = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    database.client.query(q.create_collection({"name": "c"}))
    data = {"text": nasty, nasty: {"__proto__": 1, "constructor": nasty}}
    database.client.query(q.create(q.ref(q.collection("c"), "1"), {"data": data}))
    visit(app, database, "collections/c")
    assert nasty in rows(app)[0]
    visit(app, database, "collections/c/1")
    tree = app.locator(".tree")
    tree.wait_for()
    assert nasty in tree.inner_text()
    assert "__proto__: 1" in tree.inner_text()
    assert app.locator("main img").count() == 0
    assert "faunadb" in app.title()


def test_empty_states_say_what_to_do(database, app):
    app.get_by_text("This database is empty.").wait_for()
    app.get_by_role("link", name="New collection").click()
    app.get_by_label("Name").fill("first")
    app.get_by_role("button", name="Create").click()
    app.get_by_text("first has no documents yet.").wait_for()
    app.get_by_role("main").get_by_role("link", name="New document").first.click()
    app.get_by_role("heading", name="New document").wait_for()


def fill(client, count):
    """A collection ``many`` with so many documents, and one of more than 5 MB with the id 1."""
    client.query(q.create_collection({"name": "many"}))
    numbers = list(range(5_000))
    create = q.lambda_("n", q.create(q.collection("many"), {"data": {"n": q.var("n"), "name": "somebody"}}))
    for _ in range(count // len(numbers)):
        client.query(q.foreach(create, numbers))
    large = {"text": "x" * 5_000_000, "list": numbers, "lines": {f"k{n}": "text " * 5 for n in numbers}}
    client.query(q.create(q.ref(q.collection("many"), "1"), {"data": large}))


#: Milliseconds that the page was busy at a stretch, the longest ones first.
LONG_TASKS = """() => new Promise(done => {
  const seen = [];
  new PerformanceObserver(list => seen.push(...list.getEntries().map(entry => entry.duration))).observe({type: 'longtask', buffered: true});
  setTimeout(() => done(seen.sort((a, b) => b - a)), 100);
})"""


@pytest.mark.parametrize("count", [5_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_large_collections_and_documents(database, app, count):
    fill(database.client, count)
    visit(app, database, "collections/many?size=1000")
    app.get_by_text("1000 shown").wait_for()
    app.get_by_role("button", name="Count").click()
    app.get_by_role("button", name=f"{count + 1:,} documents").wait_for()
    app.get_by_role("button", name="Next →").click()
    app.get_by_role("button", name="← Previous", disabled=False).wait_for()
    # What is not looked at is not in the page.
    cells = app.locator("main tbody").evaluate("body => body.innerText.length")
    assert cells < 200_000
    visit(app, database, "collections/many/1")
    app.get_by_role("button", name="show all 5,000,000 characters").wait_for()
    app.get_by_text("lines: {5000}").click()
    assert app.locator(".tree li").count() < 300
    app.get_by_role("tab", name="JSON").click()
    app.get_by_label("The document as JSON").wait_for()
    assert app.get_by_label("The document as JSON").locator(".cm-line").count() < 500
    print(f"{count} documents: the page was busy for (ms) {app.evaluate(LONG_TASKS)[:5]}")
