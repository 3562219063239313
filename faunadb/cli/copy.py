"""``faunadb copy``: a whole store from one backend to another."""

from __future__ import annotations

import click

from faunadb.cli.connection import is_server, shown_url
from faunadb.cli.errors import CliError
from faunadb.cli.progress import Progress

__all__ = ["copy"]


@click.command()
@click.argument("source")
@click.argument("target")
@click.option("--quiet", is_flag=True, help="Show no progress.")
def copy(source: str, target: str, quiet: bool) -> int:
    """Copy a whole store (database URL SOURCE) into an empty one (TARGET): history, keys and indexes included.

    Both are database URLs (sqlite:///app.db, postgresql://user@host/db), not servers: keys and their secrets go
    along, so no secret is asked for. Counts and checksums of both sides are compared at the end.
    """
    for url in (source, target):
        if is_server(url):
            raise CliError(
                f"{shown_url(url)} is a server; name the database behind it, or use export and import"
            )
    if source == target:
        raise CliError("source and target are the same")
    from faunadb.engine.storage import copy_store  # late: listing the commands needs no engine

    with Progress("copying", None, quiet=quiet) as bar:

        def show(table: str, rows: int) -> None:
            """Note that ``rows`` rows of a table are done."""
            total = sum({**done, table: rows}.values())
            done[table] = rows
            bar.update(total - bar.rows, total)

        done: dict[str, int] = {}
        copied = copy_store(source, target, progress=show)
    for table, rows in copied.items():
        click.echo(f"{rows:>12,}  {table}")
    click.echo(f"{sum(copied.values()):>12,}  rows copied and compared")
    return 0
