"""``faunadb dashboard``."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from click.testing import CliRunner

from faunadb import query as q
from faunadb.cli import dashboard
from faunadb.cli.app import run
from faunadb.client import FaunaClient


@pytest.fixture
def start(tmp_path):
    """start(URL, *options): the command as a process; all are interrupted in the end."""
    started = []

    def begin(*arguments):
        environment = {key: value for key, value in os.environ.items() if key != "FAUNA_ENDPOINT"}
        command = [sys.executable, "-m", "faunadb", "dashboard", *arguments]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def way_in(process):
    """The address that signs in, once the server listens, and what was printed before."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "sign in at" in line:
            address = line.split()[-1]
        if "the dashboard is at" in line:
            return address, "".join(lines)
    raise AssertionError("".join(lines))


def test_a_file_alone(start, tmp_path, monkeypatch):
    endpoint = f"sqlite:///{tmp_path}/app.db"
    with FaunaClient(secret="secret", endpoint=endpoint) as client:
        client.query(q.create_collection({"name": "kept"}))
    address, _ = way_in(start("sqlite:///app.db", "--no-open"))
    parts = urlsplit(address)
    assert parts.hostname == "127.0.0.1"
    secret = unquote(parts.fragment.split("=")[1])
    assert secret != "secret"
    opened = []
    monkeypatch.setattr(dashboard.webbrowser, "open", lambda page: opened.append(page) or True)
    dashboard._open_when_listening(parts.port, "the page")
    assert opened == ["the page"]
    with FaunaClient(secret=secret, endpoint=f"http://{parts.netloc}") as client:
        assert client.query(q.exists(q.collection("kept")))
    with urllib.request.urlopen(f"http://{parts.netloc}/dashboard/") as page:
        assert page.status == 200
    streams = urllib.request.Request(
        f"http://{parts.netloc}/dashboard/streams",
        json.dumps([{"documents": {"collection": "kept"}}, 1]).encode(),
        {"Authorization": f"Bearer {secret}"},
    )
    with urllib.request.urlopen(streams) as answer:
        events = [json.loads(answer.readline()) for _ in range(2)]
    assert [(event["stream"], event["type"]) for event in events] == [(0, "start"), (1, "error")]


def test_no_database_is_made_by_a_typing_error(tmp_path, capsys):
    assert run(["dashboard", f"sqlite:///{tmp_path}/no.db"]) == 1
    assert "there is no database" in capsys.readouterr().err
    assert not (tmp_path / "no.db").exists()


def test_create_makes_the_file(start, tmp_path):
    way_in(start("sqlite:///new.db", "--create", "--no-open"))
    assert (tmp_path / "new.db").exists()


def test_memory_is_said_to_be_lost(start):
    process = start("sqlite://", "--no-open")
    way_in(process)
    assert "all is lost at exit" in process.stdout.readline()


def test_a_servers_own_dashboard(monkeypatch):
    opened = []
    monkeypatch.setattr(dashboard.webbrowser, "open", opened.append)
    result = CliRunner().invoke(dashboard.dashboard, ["http://db.example:8443/"])
    assert result.exit_code == 0
    assert opened == ["http://db.example:8443/dashboard/"]


def test_the_secret_is_in_a_page_for_this_user_alone(tmp_path):
    page = dashboard._sign_in_page(tmp_path, "http://127.0.0.1:1/dashboard/#enter=a%26b")
    assert "enter" not in page
    file = Path(unquote(urlsplit(page).path))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "url=http://127.0.0.1:1/dashboard/#enter=a%26b" in file.read_text(encoding="utf-8")
