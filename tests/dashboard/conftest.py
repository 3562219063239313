"""A browser, a server, and for each test a database of its own in it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from tests.conftest import required
from tests.dashboard.driving import PATIENCE, Database
from tests.server.running import SECRET, Server

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="package")
def server(tmp_path_factory) -> Iterator[Server]:
    running = Server(f"sqlite:///{tmp_path_factory.mktemp('dashboard')}/main.db").start()
    yield running
    running.stop()


@pytest.fixture(scope="package")
def root(server) -> Iterator[FaunaClient]:
    with FaunaClient(secret=SECRET, endpoint=server.address) as client:
        yield client


_numbers = itertools.count(1)


@pytest.fixture
def database(server, root) -> Iterator[Database]:
    name = f"test{next(_numbers)}"
    root.query(q.create_database({"name": name}))
    key = root.query(q.create_key({"role": "admin", "database": q.database(name)}))
    with FaunaClient(secret=key["secret"], endpoint=server.address) as client:
        yield Database(name, key["secret"], client, server)
    root.query(q.delete(q.database(name)))


@pytest.fixture(scope="module")
def browser(chromium) -> Iterator[Any]:
    # Not for the whole session: while Playwright runs, no other test of its process can run an event loop.
    playwright = required("playwright.sync_api").sync_playwright().start()
    found = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield found
    found.close()
    playwright.stop()


@pytest.fixture(scope="module")
def context(browser) -> Iterator[Any]:
    """One for all tests of a module, so that scripts are loaded and compiled once. What a page leaves behind is cleared after it."""
    found = browser.new_context(viewport={"width": 1280, "height": 860}, color_scheme="light")
    found.grant_permissions(["clipboard-read", "clipboard-write"])
    found.set_default_timeout(PATIENCE)
    yield found
    found.close()


@pytest.fixture
def page(context, database, request) -> Iterator[Any]:
    """A page that is not signed in. The test fails when a script fails, the policy is hurt, or another host is asked.

    Mark a test with ``viewport(width, height)`` for another size of the window.
    """
    found = context.new_page()
    size = request.node.get_closest_marker("viewport")
    if size is not None:
        found.set_viewport_size({"width": size.args[0], "height": size.args[1]})
    wrong: list[str] = []
    found.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    found.on(
        "console",
        lambda message: wrong.append(message.text) if "Content Security Policy" in message.text else None,
    )
    found.on("request", lambda asked: None if _is_own(asked.url, database) else wrong.append(asked.url))
    yield found
    if found.url.startswith(database.url):
        found.evaluate("localStorage.clear()")
    found.close()
    assert not wrong


def _is_own(url: str, database: Database) -> bool:
    return url.startswith((database.server.address + "/", "data:", "blob:"))


@pytest.fixture
def app(page, database) -> Any:
    """The dashboard's overview, where the admin of the test's database has signed in before."""
    keep = "name => { if (!sessionStorage.getItem(name)) sessionStorage.setItem(name, SECRET); }"
    script = keep.replace("SECRET", json.dumps(database.secret))
    page.add_init_script(f"({script})('faunadb.secret')")
    page.goto(database.url)
    page.locator("#side").wait_for(state="attached")
    return page
