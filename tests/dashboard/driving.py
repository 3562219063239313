"""Doing in the dashboard what a person does."""

from __future__ import annotations

from typing import Any, NamedTuple

from faunadb.client import FaunaClient
from tests.server.running import Server

#: Milliseconds that anything in the browser may take.
PATIENCE = 15_000


class Database(NamedTuple):
    """A database for one test. secret: of an admin key. url: of the dashboard."""

    name: str
    secret: str
    client: FaunaClient
    server: Server

    @property
    def url(self) -> str:
        return f"{self.server.address}/dashboard/"


def sign_in(page: Any, url: str, secret: str) -> None:
    page.goto(url)
    page.get_by_label("Secret of a key or token").fill(secret)
    page.get_by_role("button", name="Sign in").click()
    page.locator("#side").wait_for(state="attached")


def visit(page: Any, database: Database, place: str) -> None:
    """Go to the view with an address such as ``collections/spells?tab=edit``."""
    page.goto(f"{database.url}#/{place}")


def type_into(page: Any, label: str, text: str) -> None:
    """Replace what an editor holds, by the keyboard."""
    editor = page.get_by_label(label, exact=True)
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    if text:
        page.keyboard.insert_text(text)


def text_of(page: Any, label: str) -> str:
    """What an editor holds."""
    lines = page.get_by_label(label, exact=True).locator(".cm-line")
    lines.first.wait_for()
    return "\n".join(lines.all_inner_texts()).replace("\u200b", "")
