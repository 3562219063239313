"""The official drivers, unchanged, against our server: the real clients of the wire protocol.

``drivers`` holds a program for each, which does what the users of that driver do and prints how many checks it made
and which failed. Python and JavaScript always run in CI; Go and the JVM where their tools are on the machine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import required

DRIVERS = Path(__file__).parent / "drivers"
ROOT = Path(__file__).parents[2]


def run(command: list[str], at_least: int, **environment: str) -> None:
    """Run a scenario; at_least: how many checks it must have made."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=100, cwd=DRIVERS, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    outcome = json.loads(done.stdout.strip().splitlines()[-1])
    assert outcome["failures"] == []
    assert outcome["checks"] >= at_least


def test_the_official_python_driver(server, official_python):
    run([official_python, "-W", "ignore", "scenario.py", str(server.port)], 48, PYTHONPATH="")


def test_our_python_driver_does_the_same(server):
    run([sys.executable, "-W", "ignore", "scenario.py", str(server.port)], 48, PYTHONPATH=str(ROOT))


def test_the_official_javascript_driver(server, npm_driver):
    command = ["node", "--no-deprecation", "scenario.js", str(server.port)]
    run(command, 86, NODE_PATH=str(npm_driver / "node_modules"))


def test_a_javascript_program_with_the_host_of_the_hosted_service(start, npm_driver, tmp_path):
    """As docs/fixed-hosts.md says, with a look-up in place of a line in /etc/hosts: by TLS, and with its old secret."""
    chain, key, authority = certificates("db.fauna.com", tmp_path)
    server = start("--certificate", chain, "--private-key", key, secret="fnAfixed", scheme="https")
    command = [
        "node",
        "--no-deprecation",
        "--require",
        "./fixed_host_lookup.js",
        "fixed_host.js",
        str(server.port),
    ]
    run(command, 3, NODE_PATH=str(npm_driver / "node_modules"), NODE_EXTRA_CA_CERTS=authority)
    with pytest.raises(AssertionError, match="certificate"):
        run(command, 3, NODE_PATH=str(npm_driver / "node_modules"))


def certificates(host: str, directory: Path) -> tuple[str, str, str]:
    """Paths of a certificate for a host, of its key, and of who signed it."""
    authority = required("trustme").CA()
    issued = authority.issue_cert(host)
    chain, key, signer = (directory / name for name in ("certificate.pem", "key.pem", "authority.pem"))
    chain.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(signer)
    return str(chain), str(key), str(signer)


def go_build(*arguments: str) -> None:
    """Run the Go tool on the driver as it is on this machine; skips the test where it is not."""
    if shutil.which("go") is None:
        pytest.skip("Go is not on this machine")
    built = subprocess.run(
        ["go", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=DRIVERS / "go",
        env={**os.environ, "GOFLAGS": "-mod=readonly", "GOPROXY": "off"},
    )
    if "module lookup disabled" in built.stderr:
        pytest.skip(
            "the official Go driver is not there: in tests/server/drivers/go, run `go build -o /dev/null .` and "
            f"`go test -c -o /dev/null {GO_DRIVER}`"
        )
    assert built.returncode == 0, built.stderr


GO_DRIVER = "github.com/fauna/faunadb-go/v4/faunadb"


def test_the_official_go_driver(server, tmp_path):
    program = tmp_path / "scenario"
    go_build("build", "-o", str(program), ".")
    run([str(program), server.address], 106)


#: It expects the text that older servers gave to a stream of a write; the specification (wire protocol, 4.6) has the newer.
OLDER_TEXT = "TestRunStreamTests/TestRejectNonReadOnlyQuery"


def test_the_go_drivers_own_tests(server, tmp_path):
    """The module holds its tests, which make a database of their own on the server that the environment names."""
    program = tmp_path / "tests"
    go_build("test", "-c", "-vet=off", "-o", str(program), GO_DRIVER)
    environment = {**os.environ, "FAUNA_ROOT_KEY": "secret", "FAUNA_ENDPOINT": server.address}
    done = subprocess.run(
        [str(program), "-test.v"], capture_output=True, text=True, timeout=100, cwd=tmp_path, env=environment
    )
    outcomes = re.findall(r"^ *--- (PASS|FAIL|SKIP): (\S+)", done.stdout, re.MULTILINE)
    passed = {name for outcome, name in outcomes if outcome == "PASS"}
    others = {name for outcome, name in outcomes if outcome != "PASS"}
    assert others <= {OLDER_TEXT, OLDER_TEXT.split("/")[0]}, done.stdout[-3000:]
    assert len(passed) >= 440


def test_the_official_jvm_driver(server):
    jars = os.environ.get("FAUNADB_TEST_JVM", "")
    if not jars or shutil.which("javac") is None:
        pytest.skip(
            "the official JVM driver is not there: with a JDK 11 or later, run `mvn -f tests/server/drivers/jvm/pom.xml "
            "dependency:copy-dependencies -DoutputDirectory=DIRECTORY` and set FAUNADB_TEST_JVM to that directory"
        )
    quick_to_start = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    run(["java", *quick_to_start, "-cp", f"{jars}/*", "jvm/Scenario.java", server.address], 82)


# ---- in a browser -----------------------------------------------------------------------------------------------


class Pages(SimpleHTTPRequestHandler):
    """Files of a directory; what a page posts goes to `arrived`."""

    def __init__(self, *given: Any, arrived: list[Any], done: threading.Event, **more: Any) -> None:
        self.arrived, self.done = arrived, done
        super().__init__(*given, **more)

    def do_POST(self) -> None:
        self.arrived.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(204)
        self.end_headers()
        self.done.set()

    def log_message(self, *given: Any) -> None:
        pass


@contextmanager
def pages(directory: Path, arrived: list[Any], done: threading.Event) -> Iterator[int]:
    """Serve a directory; the port."""
    handler = partial(Pages, directory=str(directory), arrived=arrived, done=done)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield httpd.server_address[1]
        httpd.shutdown()
        thread.join()


@pytest.mark.browser
def test_the_official_javascript_driver_in_a_browser(server, chromium, npm_driver, tmp_path):
    """From a page of another origin: what browsers ask before, headers that scripts may read, streams by fetch."""
    site, arrived, done = tmp_path / "site", [], threading.Event()
    site.mkdir()
    shutil.copy(DRIVERS / "browser.html", site)
    shutil.copy(npm_driver / "node_modules" / "faunadb" / "dist" / "faunadb.js", site)
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        f"--user-data-dir={tmp_path}/profile",
    ]
    with pages(site, arrived, done) as port:
        address = f"http://127.0.0.1:{port}/browser.html?{server.port}"
        browser = subprocess.Popen(
            [chromium, *flags, address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            assert done.wait(60), "the page answered nothing"
        finally:
            browser.kill()
            browser.wait()
    assert arrived == [
        {
            "tags": "a=b",
            "metrics": True,
            "missing": "NotFound",
            "unauthorized": "Unauthorized",
            "events": ["start", 1, 2, 3],
        }
    ]
