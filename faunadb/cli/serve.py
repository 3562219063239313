"""``faunadb serve``: the server for every FQL v4 driver, on the command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Optional

import click

from faunadb.engine.defaults import ANSWERS, DEFAULT_SECRET
from faunadb.engine.storage.errors import StoreError
from faunadb.server.listening import DEFAULT_HOST, DEFAULT_PORT, RefusedToServe
from faunadb.server.preflight import in_child_process
from faunadb.server.serving import serve as run_server


def _secret(secret: Optional[str], secret_file: Optional[str]) -> str:
    if secret_file is not None:
        text = Path(secret_file).read_text(encoding="utf-8").strip()
        if not text:
            raise click.UsageError(f"{secret_file} is empty: it should hold the root secret")
        return text
    if secret == "":
        raise click.UsageError("--secret is empty: the root secret needs at least one character")
    return secret or os.environ.get("FAUNADB_SECRET") or DEFAULT_SECRET


def _official() -> Optional[str]:
    # late: it loads modules that a server does not need
    from faunadb.cli.official import official_driver

    return official_driver()


@click.command()
@click.argument("url", default="sqlite://")
@click.option("--host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--http-port", type=click.IntRange(1, 65535), help="With TLS on --port: speak HTTP without it here."
)
@click.option("--secret", help="Root secret. Others can see it in the process list: prefer --secret-file.")
@click.option(
    "--secret-file", type=click.Path(exists=True, dir_okay=False), help="File holding the root secret."
)
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes that serve."
)
@click.option("--certificate", type=click.Path(exists=True, dir_okay=False), help="PEM certificate, for TLS.")
@click.option("--private-key", type=click.Path(exists=True, dir_okay=False), help="PEM private key, for TLS.")
@click.option(
    "--durability",
    type=click.Choice(["full", "normal"]),
    help="SQLite only. full: an answered write survives a power cut (default).",
)
@click.option(
    "--answers",
    default=ANSWERS >> 20,
    show_default=True,
    type=click.IntRange(min=0),
    help="Memory in MB of each process for answers, which are kept until what they read changes (0: none).",
)
@click.option(
    "--log-level",
    default="info",
    show_default=True,
    type=click.Choice(["debug", "info", "warning", "error"]),
)
@click.option("--access-log", is_flag=True, help="Log one JSON object a request (never secrets or data).")
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Web pages of this origin may query the server, such as https://app.example; may be repeated. Without any: with "
    "the default secret pages of this machine alone, else all.",
)
@click.option(
    "--strict-roles",
    is_flag=True,
    help="Only admin keys may write functions with a role beyond the caller's own; else a server key can make itself one.",
)
@click.option("--no-dashboard", is_flag=True, help="Do not serve the data explorer at /dashboard.")
def serve(
    url: str,
    host: str,
    port: int,
    http_port: Optional[int],
    secret: Optional[str],
    secret_file: Optional[str],
    workers: int,
    certificate: Optional[str],
    private_key: Optional[str],
    durability: Optional[str],
    answers: int,
    log_level: str,
    access_log: bool,
    origins: tuple[str, ...],
    strict_roles: bool,
    no_dashboard: bool,
) -> None:
    """Serve the database at URL to any FQL v4 driver.

    URL is sqlite:///file.db, sqlite:// (in memory, the default) or postgresql://user@host/db. The root secret comes
    from --secret-file, --secret or the environment variable FAUNADB_SECRET; without any it is "secret", and
    the server then listens on this machine only.
    """
    if secret is not None:
        print(
            "faunadb serve: warning: others can see --secret in the list of processes; use --secret-file or FAUNADB_SECRET",
            file=sys.stderr,
        )
    official = in_child_process(_official)
    if official:
        print(f"faunadb serve: warning: {official}", file=sys.stderr)
    try:
        run_server(
            url,
            host=host,
            port=port,
            http_port=http_port,
            secret=_secret(secret, secret_file),
            workers=workers,
            certificate=certificate,
            private_key=private_key,
            log_level=log_level,
            access_log=access_log,
            dashboard=not no_dashboard,
            origins=origins,
            options={
                "answers": answers << 20,
                "strict_roles": strict_roles,
                **({"durability": durability} if durability else {}),
            },
        )
    except (RefusedToServe, StoreError, ImportError, ValueError, OSError) as failure:
        print(f"faunadb serve: {failure}", file=sys.stderr)
        raise SystemExit(2) from None
