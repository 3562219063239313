"""``faunadb check``: finds damage in a database."""

from __future__ import annotations

import os
from typing import Any, Optional

import click

from faunadb.cli.connection import check_url, is_server, missing_file, shown_url
from faunadb.cli.errors import CliError, printable
from faunadb.cli.options import url_argument
from faunadb.cli.progress import Progress, amount

__all__ = ["check"]

#: Exit codes.
WHOLE, DAMAGED, NOT_OPENED = 0, 1, 2

_ADVICE = """\
What to do: keep the damaged database as it is (a copy of the file with its -wal, or a dump), look for the cause (disk,
memory, somebody else writing to it), and restore a backup or copy from before. Entries of indexes alone are made anew
from the documents with --repair. What can still be read, `faunadb export` writes to files."""
_SHARED = """\
Writes into the past (`insert`, as an import does), and a unique index that is made when the documents are there, do
not look for documents with the same entry. If there should be one only, change or delete the others."""


@click.command()
@url_argument
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--most", metavar="N", default=100, show_default=True, help="Problems to show.")
@click.option(
    "--repair", is_flag=True, help="Make entries of indexes anew from their documents, and check again."
)
def check(url: Optional[str], quiet: bool, most: int, repair: bool) -> int:
    """Check whether a database (URL, or FAUNA_ENDPOINT) is whole, while it is in use.

    Looks at the file (SQLite), the checksum of every version, index entries against documents both ways, history
    against the commit log. Documents that share an entry of a unique index are named; that is no damage, since
    inserts into the past may make them. URL is that of a database (sqlite:///app.db,
    postgresql://user@host/db), not of a server; no secret is asked for. Nothing is changed without --repair, except
    that a store of an older format is migrated.

    Exit code: 0 whole, 1 damaged, 2 the database cannot be opened.
    """
    url = url or os.environ.get("FAUNA_ENDPOINT")
    try:
        if not url:
            raise CliError("give the URL of a database, such as sqlite:///app.db, or set FAUNA_ENDPOINT")
        return _check(url, quiet, most, repair)
    except (CliError, ValueError, OSError) as fault:
        click.echo(printable(f"Error: {fault}"), err=True)
        return NOT_OPENED


def _check(url: str, quiet: bool, most: int, mend: bool) -> int:
    check_url(url)
    if is_server(url):
        raise CliError(f"{shown_url(url)} is a server; name the database behind it")
    missing = missing_file(url)
    if missing is not None:
        raise CliError(f"there is no database {missing}")
    from faunadb.engine.checking.repair import repair  # late: listing the commands needs no engine
    from faunadb.engine.storage import StoreError, open_store

    try:
        store = open_store(url)
    except StoreError as fault:
        raise CliError(str(fault)) from None
    with store:
        if mend and store.read_only:
            raise CliError(f"{shown_url(url)} is read-only; --repair writes to it")
        damage, shared = _show_problems(store, quiet, most)
        if damage and mend:
            with Progress("repairing", None, quiet=quiet) as bar:
                mended, left = repair(store, lambda rows: bar.update(rows, bar.rows + rows))
            click.echo(
                f"\n{amount(mended)} entries of indexes made anew or removed, {amount(left)} left; what is there now:"
            )
            damage, shared = _show_problems(store, quiet, most)
    if shared:
        click.echo(
            f"\n{amount(shared)} documents that share an entry of a unique index; no damage.\n{_SHARED}\n"
        )
    if not damage:
        click.echo(f"{shown_url(url)} is whole")
        return WHOLE
    more = f" ({amount(damage - most)} not shown)" if damage > most else ""
    click.echo(f"\n{shown_url(url)} is damaged: {amount(damage)} problems{more}\n{_ADVICE}")
    return DAMAGED


def _show_problems(store: Any, quiet: bool, most: int) -> tuple[int, int]:
    """Print the first ``most`` problems of a store of each kind; return how many are damage, and how many are not."""
    from faunadb.engine.checking import problems  # late: listing the commands needs no engine

    found = {True: 0, False: 0}
    with Progress("checking", None, quiet=quiet) as bar:
        for problem in problems(store, lambda rows: bar.update(rows, bar.rows + rows)):
            found[problem.damage] += 1
            if found[problem.damage] <= most:
                click.echo(printable(str(problem)))
    return found[True], found[False]
