"""``faunadb schema``: the schema of a database as a file that is kept with the code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Optional

import click

from faunadb.cli.connection import Connection, open_connection
from faunadb.cli.errors import CliError
from faunadb.cli.options import (
    create_option,
    database_option,
    secret_option,
    split_words,
    url_argument,
    words_argument,
)
from faunadb.cli.progress import Progress
from faunadb.cli.schema_changes import Change, Schemas, apply, compare, desired_schemas, schemas_of
from faunadb.cli.schema_text import schema_text
from faunadb.cli.waiting import wait_for_builds

__all__ = ["schema"]


@click.group()
def schema() -> None:
    """Keep the schema as a file: dump it, see what differs, make a database like it.

    The file is FQL in JavaScript style, which can be run: collections, indexes, functions, roles, access providers
    and child databases (after a line `:db /NAME`). Keys and documents are not part of it.
    """


@schema.command()
@url_argument
@secret_option
@database_option("Dump this child database, names joined by /.")
def dump(url: Optional[str], secret: Optional[str], database: str) -> int:
    """Write the schema of a database (URL) as FQL."""
    connection = open_connection(url, secret, database)
    try:
        found = schemas_of(connection)
    finally:
        connection.close()
    click.echo(_dumped(found), nl=False)
    for path, item in found.items():
        for note in item.notes:
            click.echo(f"note: {path + ': ' if path else ''}{note}", err=True)
    return 0


def _dumped(found: Schemas) -> str:
    parts = [schema_text(found[""])]
    for path, item in found.items():
        if path:
            parts.append(f"\n:db /{path}\n{schema_text(item)}")
    return "".join(parts)


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise CliError(f"{name}: {getattr(fault, 'strerror', None) or fault}") from None


@schema.command()
@words_argument("FILE")
@secret_option
@database_option("Compare this child database, names joined by /.")
@click.option("--delete", is_flag=True, help="Tell also what the file does not have.")
def diff(words: tuple[str, ...], secret: Optional[str], database: str, delete: bool) -> int:
    """Tell what differs between a database (URL) and a FILE (- for standard input).

    The exit code is 1 when anything does.
    """
    url, name = split_words(words, "FILE")
    want = desired_schemas(_read(name))
    connection = open_connection(url, secret, database)
    try:
        changes = compare(schemas_of(connection), want, delete)
    finally:
        connection.close()
    for change in changes:
        click.echo(change.line())
    return 1 if changes else 0


@schema.command(name="apply")
@words_argument("FILE")
@secret_option
@database_option("Change this child database, names joined by /.")
@click.option("--delete", is_flag=True, help="Delete what the file does not have, with all its documents.")
@click.option("--dry-run", is_flag=True, help="Show the plan only.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait until every index is built.")
@create_option
@click.option("--quiet", is_flag=True, help="Show no progress.")
def apply_(
    words: tuple[str, ...],
    secret: Optional[str],
    database: str,
    delete: bool,
    dry_run: bool,
    yes: bool,
    wait: bool,
    create: bool,
    quiet: bool,
) -> int:
    """Make the schema of a database (URL) that of a FILE (- for standard input).

    The changes of one database are one transaction: all of them are made, or none. The plan is shown first.
    """
    url, name = split_words(words, "FILE")
    want = desired_schemas(_read(name))
    connection = open_connection(url, secret, database, create=create)
    try:
        changes = compare(schemas_of(connection), want, delete)
        for change in changes:
            click.echo(change.line())
        if not changes:
            click.echo("nothing to do")
        elif not dry_run:
            if not yes and sys.stdin.isatty() and not click.confirm("Make these changes?"):
                return 1
            _make(connection, changes, quiet)
        if wait and not dry_run:
            wait_for_builds(connection, quiet)
    finally:
        connection.close()
    return 0


def _make(connection: Connection, changes: list[Change], quiet: bool) -> None:
    done = 0
    with Progress("applying", len(changes), quiet=quiet) as progress:
        for _, count in apply(connection, changes):
            done += count
            progress.update(count, done)
    click.echo("1 change made" if done == 1 else f"{done} changes made")
