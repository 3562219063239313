"""A browser, a server, and for each test a database of its own in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from tests.conftest import required
from tests.dashboard.driving import PATIENCE, Database
from tests.server.running import SECRET, Server

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-component-update", "--disable-sync"]
SIZE = {"width": 1280, "height": 860}


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


@pytest.fixture(scope="package")
def browser(chromium) -> Iterator[Any]:
    # Not for the whole session: while Playwright runs, no other test can run an event loop in its thread.
    playwright = required("playwright.sync_api").sync_playwright().start()
    found = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
    yield found
    found.close()
    playwright.stop()


@pytest.fixture(scope="package")
def tab(browser) -> Iterator[Any]:
    """One for all tests: a new one is a new process, that loads and compiles all scripts again."""
    context = browser.new_context(viewport=SIZE, color_scheme="light")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(tab, database, request) -> Iterator[Any]:
    """A page that is not signed in. The test fails when a script fails, the policy is hurt, or another host is asked.

    Mark a test with ``viewport(width, height)`` for another size of the window.
    """
    size = request.node.get_closest_marker("viewport")
    tab.set_viewport_size({"width": size.args[0], "height": size.args[1]} if size is not None else SIZE)
    wrong: list[str] = []
    listeners = {
        "pageerror": lambda error: wrong.append(f"script: {error}"),
        "console": lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None,
        "request": lambda asked: None if _is_own(asked.url, database) else wrong.append(asked.url),
    }
    for event, listener in listeners.items():
        tab.on(event, listener)
    yield tab
    tab.unroute_all(behavior="ignoreErrors")
    if tab.url.startswith(database.url):
        tab.evaluate("localStorage.clear(); sessionStorage.clear()")
    tab.goto("about:blank")  # whatever runs, ends
    for event, listener in listeners.items():
        tab.remove_listener(event, listener)
    assert not wrong


def _is_own(url: str, database: Database) -> bool:
    return url.startswith((database.server.address + "/", "data:", "blob:"))


@pytest.fixture
def app(page, database) -> Any:
    """The dashboard's overview, where the admin of the test's database has signed in."""
    page.goto(f"{database.url}#enter={quote(database.secret, safe='')}")
    page.locator("#side").wait_for(state="attached")
    return page
