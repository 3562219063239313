"""``faunadb dashboard``: opens the dashboard of a database, for one person on this machine."""

from __future__ import annotations

import html
import secrets
import socket
import tempfile
import threading
import webbrowser
from pathlib import Path
from typing import Optional
from urllib.parse import quote

import click

from faunadb.cli.connection import check_url, is_server, missing_file
from faunadb.cli.errors import CliError
from faunadb.cli.options import create_option
from faunadb.engine.storage.errors import StoreError
from faunadb.server import serve
from faunadb.server.listening import DEFAULT_HOST, RefusedToServe, free_port

#: How many seconds the server may take until it listens.
START_SECONDS = 30.0


@click.command()
@click.argument("url", envvar="FAUNA_ENDPOINT")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on (default: a free one).")
@create_option
@click.option("--no-open", is_flag=True, help="Open no browser: print the address that signs in.")
def dashboard(url: str, port: Optional[int], create: bool, no_open: bool) -> None:
    """Open the dashboard of the database at URL (sqlite:///file.db, sqlite://, postgresql://..., http://...).

    A database is served for this alone, on this machine, until Ctrl-C: the browser is signed in with a root secret
    that is made for the occasion. Of a server (http://host:8443) the address of its dashboard is opened.
    """
    check_url(url)
    if is_server(url):
        _open_server(url, no_open)
        return
    missing = None if create else missing_file(url)
    if missing is not None:
        raise CliError(f"there is no database {missing}; give --create to make it")
    port = port or free_port()
    secret = secrets.token_urlsafe(24)
    address = f"http://{DEFAULT_HOST}:{port}/dashboard/#enter={quote(secret)}"
    with tempfile.TemporaryDirectory(prefix="faunadb-") as private:
        if no_open:
            click.echo(f"faunadb: sign in at {address}")
        else:
            page = _sign_in_page(Path(private), address)
            threading.Thread(target=_open_when_listening, args=(port, page), daemon=True).start()
        try:
            serve(url, port=port, secret=secret, log_level="warning")
        except (RefusedToServe, StoreError, ImportError, ValueError, OSError) as failure:
            raise CliError(str(failure)) from None


def _open_server(url: str, no_open: bool) -> None:
    address = url.rstrip("/") + "/dashboard/"
    click.echo(f"faunadb: the dashboard is at {address}")
    if not no_open:
        webbrowser.open(address)


def _sign_in_page(directory: Path, address: str) -> str:
    """The URL of a page that only this user can read and that leads to ``address``, which holds the secret.

    The arguments of the browser's process would show the secret to everybody on the machine.
    """
    page = directory / "dashboard.html"
    target = html.escape(address)
    page.touch(mode=0o600)
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><title>faunadb</title><meta http-equiv="refresh" content="0;url={target}">'
        f'<a href="{target}">To the dashboard</a>',
        encoding="utf-8",
    )
    return page.as_uri()


def _open_when_listening(port: int, page: str) -> None:
    waited = threading.Event()
    for _ in range(int(START_SECONDS / 0.05)):
        try:
            socket.create_connection((DEFAULT_HOST, port), 1).close()
        except OSError:
            waited.wait(0.05)
            continue
        if not webbrowser.open(page):
            click.echo(f"faunadb: no browser could be opened; open {page} in one", err=True)
        return
