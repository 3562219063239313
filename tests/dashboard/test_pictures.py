"""Every view at the width of a desk and of a phone, light and dark: no accessibility fault, and a picture of it.

The pictures lie in the directory named by FAUNADB_TEST_PICTURES, if there is one; those in the documentation are from
there (`docs/_static/dashboard`).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from faunadb import query as q
from faunadb.cli import demo
from faunadb.client import FaunaClient
from tests.conftest import required
from tests.dashboard.driving import PATIENCE, Database, type_into, visit

pytestmark = pytest.mark.browser

IMPACTS = ("serious", "critical")
#: What is looked at: everything once, and again what sizes and colours can change, of views that differ most.
RULES = {
    "wide": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    "phone": {
        "type": "rule",
        "values": ["color-contrast", "target-size", "link-name", "button-name", "label"],
    },
}

#: name of a picture: address, and what to wait for.
VIEWS = {
    "overview": ("", ".tiles"),
    "documents": ("collections/spells", "text=7 shown"),
    "filtered": ("collections/spells?field=element&value=fire", "text=3 shown"),
    "document": ("collections/spells/103", ".tree"),
    "edit": ("collections/spells/101?tab=edit", "text=Review and save"),
    "history": ("collections/spells/101?tab=history", "text=What changed"),
    "new-document": ("collections/spells/new", "text=Create("),
    "indexes": ("indexes", "text=spells_by_cost"),
    "index": ("indexes/spells_by_element?terms=%5B%22fire%22%5D", "text=The query"),
    "new-index": ("create/indexes", "text=Add a term"),
    "function": ("functions/price_of", ".cm-content"),
    "edit-function": ("edit/functions/price_of", ".cm-content"),
    "role": ("edit/roles/reader", "text=read if"),
    "new-key": ("create/keys", "text=CreateKey"),
    "keys": ("keys", "text=the shop"),
    "databases": ("databases", "text=staging"),
    "query": ("query", ".cm-content"),
    "activity": ("activity", "text=Read ops"),
}
ON_A_PHONE = ("documents", "history", "role", "query", "menu", "shortcuts")
SIZES = {"wide": (1280, 860), "phone": (390, 844)}

TEXT = """Map(
  [1, 9007199254740990],
  n => Add(n, 3)
)

Paginate(Match(Index("spells_by_element"), "fire"))

Get(Ref(Collection("spells"), Add(1, "1")))"""


@pytest.fixture(scope="module")
def spells(server, root):
    """The demo's database, with a role, a key and a child database."""
    name = "pictures"
    root.query(q.create_database({"name": name}))
    key = root.query(q.create_key({"role": "admin", "database": q.database(name)}))
    demo.execute(server.address, key["secret"])
    with FaunaClient(secret=key["secret"], endpoint=server.address) as client:
        cheap = q.query(q.lambda_("ref", q.lt(q.select(["data", "cost"], q.get(q.var("ref"))), 20)))
        privileges = [{"resource": q.collection("spells"), "actions": {"read": cheap, "create": True}}]
        client.query(q.create_role({"name": "reader", "privileges": privileges}))
        client.query(q.create_key({"role": "server", "data": {"name": "the shop"}}))
        client.query(q.create_database({"name": "staging"}))
        yield Database(name, key["secret"], client, server)


@pytest.fixture
def take(request):
    """take(page, name): keep a picture, where somebody wants them."""
    wanted = os.environ.get("FAUNADB_TEST_PICTURES")

    def take(page, name):
        if wanted:
            Path(wanted).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(wanted) / f"{name}.png")

    return take


@pytest.mark.parametrize(("size", "scheme"), [("wide", "light"), ("phone", "dark")])
def test_every_view(browser, spells, take, size, scheme):
    axe = required("axe_playwright_python.sync_playwright").Axe()
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    faults = {}

    def look(name):
        take(page, f"{name}-{size}-{scheme}")
        if size == "wide" or name in ON_A_PHONE:
            check(name)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is wider than the window"

    def check(name):
        if not page.evaluate("'axe' in window"):  # once for the document: it is large
            page.evaluate(axe.axe_script)
        options = {"resultTypes": ["violations"], "runOnly": RULES[size]}
        found = page.evaluate("async options => (await axe.run(options)).violations", options)
        serious = [
            (each["id"], [node["html"][:150] for node in each["nodes"]][:3])
            for each in found
            if each["impact"] in IMPACTS
        ]
        if serious:
            faults[name] = serious

    try:
        page.goto(spells.url)
        page.get_by_label("Secret of a key or token").wait_for()
        look("sign-in")
        page.get_by_label("Secret of a key or token").fill(spells.secret)
        page.get_by_role("button", name="Sign in").click()
        page.locator("#side").wait_for(state="attached")
        for name, (address, sign) in VIEWS.items():
            visit(page, spells, address)
            page.locator("main").locator(sign).first.wait_for()
            if name == "query":
                type_into(page, "Query", TEXT)
                page.keyboard.press("Control+Enter")
                page.get_by_text("Number expected, String provided").first.wait_for()
            look(name)
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Keyboard shortcuts").click()
        page.get_by_role("dialog").wait_for()
        look("shortcuts")
        page.keyboard.press("Escape")
        visit(page, spells, "collections/spells/101")
        page.get_by_role("button", name="Delete").click()
        page.get_by_role("dialog").get_by_text("Delete(Ref").wait_for()
        look("delete")
        page.keyboard.press("Escape")
        if size == "phone":
            page.get_by_role("button", name="Menu").click()
            look("menu")
    finally:
        context.close()
    assert not faults, "\n".join(f"{name}: {each}" for name, each in faults.items())


#: Those that the documentation shows.
SHOWN = ["documents", "edit", "history", "query", "role"]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "_static" / "dashboard"


def test_the_documentation_shows_pictures_of_these_views():
    text = (DOCS.parents[1] / "dashboard.md").read_text(encoding="utf-8")
    for name in SHOWN:
        assert f"_static/dashboard/{name}.png" in text
        assert (DOCS / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert {path.stem for path in DOCS.iterdir()} == {*SHOWN, "phone"}


if __name__ == "__main__":  # after a run with FAUNADB_TEST_PICTURES: put them into the documentation
    source = Path(os.environ["FAUNADB_TEST_PICTURES"])
    DOCS.mkdir(parents=True, exist_ok=True)
    for name in SHOWN:
        shutil.copy(source / f"{name}-wide-light.png", DOCS / f"{name}.png")
    shutil.copy(source / "documents-phone-dark.png", DOCS / "phone.png")
