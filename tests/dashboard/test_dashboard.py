"""The data explorer end to end in headless Chromium, driven over its debugging protocol."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faunadb import query as q
from faunadb.client import FaunaClient
from tests.conftest import required
from tests.server.conftest import server  # noqa: F401  (the fixture)

websocket = required("websocket")

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-port=0 --remote-allow-origins=*"
).split()


class Browser:
    """One page of a headless Chromium."""

    def __init__(self, path: str, profile: Path, url: str):
        self.process = subprocess.Popen(
            [path, *FLAGS, f"--user-data-dir={profile}", "--window-size=1200,900", url],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "DevTools listening on" in line:
                port = line.split("127.0.0.1:")[1].split("/")[0]
                break
        self.socket = self._page(port)
        self.number = 0

    @staticmethod
    def _page(port: str) -> Any:
        deadline = time.monotonic() + 20
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
                pages = [page for page in json.load(answer) if page["type"] == "page"]
            if pages:
                return websocket.create_connection(pages[0]["webSocketDebuggerUrl"], timeout=20)
            assert time.monotonic() < deadline, "the browser opened no page"

    def call(self, method: str, **parameters: Any) -> Any:
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                return answer.get("result", answer)

    def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        while True:
            answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
            if "result" in answer:  # else the page was just being replaced
                break
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def key(self, name: str, code: int, modifiers: int = 0, text: str = "") -> None:
        """Press a key as a keyboard would. code: Windows virtual key code; modifiers: 1 Alt, 2 Ctrl, 8 Shift."""
        common = {"key": name, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def tab_to(self, condition: str) -> None:
        """Press Tab until the focused element `e` fulfils a condition."""
        for _ in range(60):
            if self.run(f"(e => Boolean(e) && ({condition}))(document.activeElement)"):
                return
            self.key("Tab", 9)
        raise AssertionError(f"Tab never leads to: {condition}")

    def until(self, condition: str) -> None:
        """Wait until an expression is true in the page."""
        met = self.run(
            "new Promise((done) => { const end = Date.now() + 10000; const look = () => {"
            f" let met = false; try {{ met = Boolean({condition}); }} catch (e) {{}}"
            " if (met) done(true); else if (Date.now() > end) done(false); else requestAnimationFrame(look); }; look(); })"
        )
        assert met, f"{condition}\n{self.run('document.body.innerText')}"

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        self.socket.close()
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()


@pytest.fixture
def browser(server, chromium, tmp_path) -> Iterator[Browser]:  # noqa: F811
    page = Browser(chromium, tmp_path / "profile", f"http://127.0.0.1:{server.port}/dashboard/")
    yield page
    page.close()


@pytest.fixture
def client(server) -> Iterator[FaunaClient]:  # noqa: F811
    with FaunaClient(secret="secret", endpoint=f"http://127.0.0.1:{server.port}") as client:
        yield client


def text(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)}).innerText"


def press(browser: Browser, scope: str, label: str) -> None:
    browser.until(
        f"[...document.querySelectorAll({json.dumps(scope + ' button')})].find(b => b.innerText.trim() === {json.dumps(label)} && !b.disabled)"
    )
    browser.run(
        f"[...document.querySelectorAll({json.dumps(scope + ' button')})].find(b => b.innerText.trim() === {json.dumps(label)}).click()"
    )


@pytest.mark.browser
def test_exploring_a_database(browser, client, tmp_path):
    client.query(q.create_collection({"name": "explored"}))
    names = {"name": "explored_by_n", "source": q.collection("explored"), "terms": [{"field": ["data", "n"]}]}
    client.query(q.create_index(names))
    made = [q.create(q.ref(q.collection("explored"), str(n)), {"data": {"n": n}}) for n in range(1, 31)]
    client.query(q.do(*made))

    browser.until("!document.getElementById('login').hidden")
    browser.run(
        "document.getElementById('secret').value = 'wrong'; document.querySelector('#login button').click()"
    )
    browser.until("document.getElementById('login-error').innerText.includes('not valid')")
    browser.run(
        "document.getElementById('secret').value = 'secret'; document.querySelector('#login button').click()"
    )
    browser.until("!document.getElementById('app').hidden && document.querySelector('#view table')")
    browser.picture(tmp_path / "overview.png")

    press(browser, "#tree", "explored")
    browser.until("document.querySelectorAll('#view tbody tr').length === 20")
    press(browser, "#view", "Next →")
    browser.until("document.querySelectorAll('#view tbody tr').length === 10")
    browser.picture(tmp_path / "collection.png")

    press(browser, "#view", "Watch live")
    browser.until("document.querySelector('#view .events').innerText.includes('start')")
    client.query(q.create(q.ref(q.collection("explored"), "99"), {"data": {"n": 99}}))
    browser.until("document.querySelector('#view .events').innerText.includes('99')")

    press(browser, "#tree", "explored_by_n")
    browser.until("document.getElementById('terms')")
    browser.run(
        "document.getElementById('terms').value = '7'; document.querySelector('#view form').requestSubmit()"
    )
    browser.until("document.querySelectorAll('#view tbody tr').length === 1")

    browser.run(
        "document.getElementById('query-text').value = 'Map([1, 2], Lambda(\"x\", Add(Var(\"x\"), 40)))'"
    )
    press(browser, "#query-form", "Run")
    browser.until(f"{text('#result')}.includes('42')")
    browser.run("document.querySelector('input[value=table]').click()")
    browser.until("document.querySelectorAll('#result tbody tr').length === 2")
    browser.until("document.querySelectorAll('#charts svg').length === 3")
    browser.until("document.querySelectorAll('#history option').length === 2")
    browser.run("document.getElementById('query-text').value = 'q.get(q.collection(\"nope\"))'")
    press(browser, "#query-form", "Run")
    browser.until(f"{text('#result')}.includes('Ref refers to undefined collection')")
    browser.picture(tmp_path / "query.png")

    assert browser.run("localStorage.length") == 0
    press(browser, ".bar", "Sign out")
    browser.until("!document.getElementById('login').hidden && sessionStorage.length === 0")


ENTER = ("Enter", 13, 0, "\r")
CTRL_ENTER = ("Enter", 13, 2)
ALT_UP = ("ArrowUp", 38, 1)


@pytest.mark.browser
def test_by_keyboard_alone(browser, client):
    client.query(q.create_collection({"name": "typed"}))
    client.query(q.create(q.ref(q.collection("typed"), "1"), {"data": {"found": "by keyboard"}}))

    browser.until("document.activeElement.id === 'secret'")
    browser.call("Input.insertText", text="secret")
    browser.key(*ENTER)
    browser.until("!document.getElementById('app').hidden && document.querySelector('#view table')")

    browser.tab_to("e.closest('#tree') && e.innerText.trim() === 'typed'")
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid", "focus shows"
    browser.key(*ENTER)
    browser.until(f"{text('#view')}.includes('by keyboard')")

    browser.tab_to("e.id === 'query-text'")
    browser.call("Input.insertText", text="Add(40, 2)")
    browser.key(*CTRL_ENTER)
    browser.until(f"{text('#result')}.includes('42')")
    browser.run("document.getElementById('query-text').value = ''")
    browser.key(*ALT_UP)
    assert browser.run("document.getElementById('query-text').value") == "Add(40, 2)"

    browser.tab_to("e.id === 'stream-query'")
    browser.tab_to("e.name === 'shape'")


#: Contrast of an element's text with what lies behind it, as WCAG reckons it.
CONTRAST = """
(selector => {
  const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const element = document.querySelector(selector);
  let behind = element, back = [0, 0, 0, 0];
  while (behind && (back.length === 4 && back[3] === 0)) {
    back = numbers(getComputedStyle(behind).backgroundColor);
    behind = behind.parentElement;
  }
  const levels = [light(numbers(getComputedStyle(element).color)), light(back)].sort();
  return (levels[1] + 0.05) / (levels[0] + 0.05);
})(%s)
"""


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(browser, client, tmp_path, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.call("Emulation.setEmulatedMedia", features=features)
    browser.until("!document.getElementById('login').hidden")
    browser.run(
        "document.getElementById('secret').value = 'secret'; document.querySelector('#login button').click()"
    )
    browser.until("document.querySelector('#view table')")
    browser.run("document.getElementById('query-text').value = '{a: 1, b: \"text\", c: Now()}'")
    press(browser, "#query-form", "Run")
    browser.until(f"{text('#result')}.includes('text')")
    browser.picture(tmp_path / f"{scheme}.png")
    for selector in (
        "body",
        "#tree button",
        "#view td",
        "#result",
        "#query-text",
        "#run",
        ".hint",
        "#query-status",
    ):
        assert browser.run(CONTRAST % json.dumps(selector)) >= 4.5, (scheme, selector)
    background = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    assert (sum(browser.run(background)) < 200) == (scheme == "dark")


@pytest.mark.browser
def test_no_other_host_is_asked(browser, server):  # noqa: F811
    browser.until("!document.getElementById('login').hidden")
    asked = browser.run("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert asked
    assert all(name.startswith((f"http://127.0.0.1:{server.port}/", "data:")) for name in asked)
