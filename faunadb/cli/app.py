"""The command line's options and help. What the commands do is in the modules beside this one.

Those are imported in the functions, so that a command loads only what it needs.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any, Optional, Union

import click

from faunadb import __version__
from faunadb.cli.commands import COMMANDS
from faunadb.cli.connection import Connection
from faunadb.cli.errors import CliError, printable
from faunadb.cli.options import (
    create_option,
    database_option,
    secret_option,
    split_words,
    url_argument,
    words_argument,
)
from faunadb.errors import FaunaError
from faunadb.fql.errors import FqlSyntaxError

__all__ = ["cli", "run"]


class _Commands(click.Group):
    """Imports a command only when it is run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [command.name for command in COMMANDS]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(command.name, command.summary) for command in COMMANDS])

    def get_command(self, ctx: click.Context, name: str) -> Optional[click.Command]:
        for command in COMMANDS:
            if command.name != name:
                continue
            try:
                found = getattr(importlib.import_module(command.module), command.attribute)
            except ImportError as fault:
                if (fault.name or "").partition(".")[0] == "faunadb":
                    raise  # a fault of this package, which no extra can mend
                return _missing(command.name, command.extra, command.summary, fault)
            assert isinstance(found, click.Command)
            return found
        return None


def _missing(name: str, extra: str, summary: str, fault: ImportError) -> click.Command:
    """Stands in for a command whose packages are not installed."""

    def refuse(**_: Any) -> None:
        raise CliError(f"faunadb {name} needs {fault.name or fault}: pip install 'faunadb[{extra}]>=4.6'")

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(
        name, callback=refuse, help=summary, context_settings=settings, add_help_option=False
    )


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="faunadb")
def cli() -> None:
    """FQL v4 databases: in this process (sqlite:///app.db, sqlite://, postgresql://user@host/db) or on a server
    (http://host:8443). The URL may also be given as FAUNA_ENDPOINT, the secret as FAUNA_SECRET; a database that is
    opened by its own URL has the secret "secret" unless another was set.

    Shell completion: put eval "$(_FAUNADB_COMPLETE=bash_source faunadb)" into ~/.bashrc (zsh_source and fish_source
    for the others).
    """


def run(arguments: list[str]) -> int:
    """Run a command line; returns the exit code. Errors are one line on standard error, never a traceback."""
    try:
        result = cli.main(args=arguments, prog_name="faunadb", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return int(leave.exit_code)
    except click.ClickException as fault:
        fault.show()
        return int(fault.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except (CliError, FqlSyntaxError) as fault:
        click.echo(f"Error: {fault}", err=True)
        return 1
    except BrokenPipeError:
        # the reader of our output has left: not an error, and nothing more may be written
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (FaunaError, OSError) as fault:
        return _failed(str(fault))
    except Exception as fault:
        if os.environ.get("FAUNADB_TRACEBACK"):
            raise
        known = type(fault).__module__.startswith(
            "faunadb.engine.storage"
        )  # says what is wrong with the store
        return _failed(str(fault) if known else _own_fault(fault))
    return int(result) if isinstance(result, int) else 0


def _failed(text: str) -> int:
    click.echo(printable(f"Error: {text}"), err=True)
    return 1


def _own_fault(fault: Exception) -> str:
    return f"a fault of faunadb's own, {type(fault).__name__}: {fault} (FAUNADB_TRACEBACK=1 shows where)"


@click.command()
@click.argument("url", default="sqlite://")
@click.option("--secret", metavar="SECRET", default="secret", help="Secret of a key (default: secret).")
def demo(url: str, secret: str) -> int:
    """Load a small data set into an empty database (URL, default: memory) and run ten FQL v4 queries on it."""
    from faunadb.cli.demo import execute

    return execute(url, secret)


@click.command()
@url_argument
@secret_option
@database_option("Begin in this child database, names joined by /.")
@click.option("--json", "as_json", is_flag=True, help="Print results as the JSON of the wire protocol.")
@create_option
def shell(url: Optional[str], secret: Optional[str], database: str, as_json: bool, create: bool) -> int:
    """Talk with a database: queries in Python or JavaScript style, and Python.

    Both of these do the same, and `_` is the last result:

    \b
        get(ref(collection("spells"), "101"))
        Get(Ref(Collection("spells"), "101"))

    A script on standard input is run up to its first error.
    """
    from faunadb.cli.connection import open_connection
    from faunadb.cli.session import Session
    from faunadb.cli.shell import run_script, run_shell
    from faunadb.cli.waiting import finish_builds

    create = create or _wants_new_file(url)
    connection = open_connection(url, secret, database, create)
    try:
        if sys.stdin.isatty():
            return run_shell(connection, as_json)
        session = Session(connection, sys.stdout, sys.stderr, as_json=as_json)
        connection.check(session.client)
        done = run_script(session, sys.stdin.read())
        finish_builds(connection)
        return 0 if done else 1
    finally:
        connection.close()


def _wants_new_file(url: Optional[str]) -> bool:
    """Whether the database's file is missing, and a user at the terminal says that it should be made."""
    from faunadb.cli.connection import check_url, missing_file

    url = url or os.environ.get("FAUNA_ENDPOINT")
    if not url or not sys.stdin.isatty():
        return False
    check_url(url)
    path = missing_file(url)
    return path is not None and click.confirm(f"There is no database {path}. Make one?")


@click.command(name="eval")
@words_argument("QUERY")
@secret_option
@database_option("Run it in this child database, names joined by /.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as the JSON of the wire protocol.")
@create_option
def evaluate(
    words: tuple[str, ...], secret: Optional[str], database: str, as_json: bool, create: bool
) -> int:
    """Run a QUERY, in Python or JavaScript style, and print its result.

    QUERY `-` is read from standard input. Only queries are understood: no other Python or JavaScript is run. URL may
    be left out where FAUNA_ENDPOINT says it. An index that the query creates is built when the command ends.
    """
    from faunadb.cli.connection import open_connection
    from faunadb.cli.session import Session
    from faunadb.cli.waiting import finish_builds
    from faunadb.fql.texts import parse_text

    url, query = split_words(words, "QUERY")
    connection = open_connection(url, secret, database, create)
    try:
        queries = parse_text(sys.stdin.read() if query == "-" else query)
        session = Session(connection, sys.stdout, sys.stderr, as_json=as_json)
        done = all(session.run_query(item) for item in queries)
        finish_builds(connection)
    finally:
        connection.close()
    return 0 if done else 1


@click.command(name="import")
@click.argument("export_dir", type=click.Path(path_type=Path))
@click.option("--into", "url", metavar="URL", help="The database to import into (default: FAUNA_ENDPOINT).")
@secret_option
@database_option("Import into this child database, names joined by /; missing ones are created.")
@click.option("--dry-run", is_flag=True, help="Read and check everything, write nothing.")
@click.option("--restart", is_flag=True, help="Begin anew, whatever an interrupted run has done.")
@click.option("--wait", is_flag=True, help="Wait until every index is built.")
@click.option(
    "--history-days",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Days that collections made here keep old versions; applications that show `events` need some.",
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
def import_(
    export_dir: Path,
    url: Optional[str],
    secret: Optional[str],
    database: str,
    dry_run: bool,
    restart: bool,
    wait: bool,
    history_days: int,
    quiet: bool,
) -> int:
    """Bring an export of Fauna (EXPORT_DIR) into a database.

    All four kinds of data files are read (json, jsonl, either with gz), tagged or simple. Collections are created
    where they are missing; ids, times and ttl are kept. An import that was stopped goes on where it was when the
    same command is given again, and importing twice makes no duplicates.

    The schema and child databases come along when `faunadb export` wrote them. Fauna's own exports have no indexes,
    functions and roles: run the scripts that created them.

    The exit code is 1 when anything could not be brought over; the summary says what.
    """
    from faunadb.cli.connection import open_connection
    from faunadb.cli.export_files import read_export
    from faunadb.cli.importing import Importer
    from faunadb.cli.progress import Progress
    from faunadb.cli.waiting import finish_builds, wait_for_builds

    found = read_export(export_dir)
    connection = (
        _dry_run_target(url, secret, database)
        if dry_run
        else open_connection(url, secret, database, create=True)
    )
    try:
        with Progress("importing", found.size(), quiet=quiet) as progress:
            summary = Importer(found, connection, dry_run, restart, progress, history_days=history_days).run()
        if wait and not dry_run:
            wait_for_builds(connection, quiet)
        finish_builds(connection)
    finally:
        connection.close()
    click.echo(printable("\n".join(summary.lines(dry_run))))
    return 0 if summary.ok else 1


def _dry_run_target(url: Optional[str], secret: Optional[str], database: str) -> Connection:
    """The target of a dry run: a database in memory in place of a missing file, which must not be made."""
    from faunadb.cli.connection import check_url, missing_file, open_connection

    url = url or os.environ.get("FAUNA_ENDPOINT")
    if url:
        check_url(url)
        if missing_file(url) is not None:
            return open_connection("sqlite://?name=dry-run", "secret", "")
    return open_connection(url, secret, database)


@click.command()
@url_argument
@click.option(
    "--out",
    metavar="PATH",
    required=True,
    type=click.Path(path_type=Path),
    help="An empty or new directory (sqlite, postgresql: a new file).",
)
@secret_option
@database_option("Export this child database, names joined by /.")
@click.option(
    "--collection", "collections", metavar="NAME", multiple=True, help="Only this collection (repeatable)."
)
@click.option(
    "--format",
    "doc_format",
    type=click.Choice(["tagged", "simple", "csv", "ndjson", "sqlite", "postgresql"]),
    default="tagged",
    show_default=True,
)
@click.option(
    "--json", "array", is_flag=True, help="Write a JSON array per file instead of a document per line."
)
@click.option("--compress", is_flag=True, help="Compress every data file with gzip.")
@click.option("--no-credentials", is_flag=True, help="Leave out the password hashes of documents.")
@click.option(
    "--live", is_flag=True, help="Read at the present, not all at one moment (for very large databases)."
)
@click.option("--quiet", is_flag=True, help="Show no progress.")
def export(
    url: Optional[str],
    out: Path,
    secret: Optional[str],
    database: str,
    collections: tuple[str, ...],
    doc_format: str,
    array: bool,
    compress: bool,
    no_credentials: bool,
    live: bool,
    quiet: bool,
) -> int:
    """Write a database (URL) in Fauna's export format, as it was at one moment: documents, schema, child databases.

    `tagged` loses nothing; `simple` is plain JSON for other programs. Importing the export gives the same database,
    but for keys and tokens, whose secrets nobody knows. The exit code is 1 when something could not be written; the
    summary says what.

    The other formats are for programs that know nothing of Fauna: a table per collection, as csv or ndjson files, an
    SQLite file, or a script for psql.
    """
    from faunadb.cli.connection import open_connection
    from faunadb.cli.export_writing import ExportWriter
    from faunadb.cli.exporting import Exporter
    from faunadb.cli.progress import Progress
    from faunadb.cli.table_export import FORMATS, TableExporter

    leaves = doc_format in FORMATS
    if leaves and (array or compress or no_credentials or live):
        raise click.UsageError(
            f"--json, --compress, --no-credentials and --live mean nothing to {doc_format}"
        )
    connection = open_connection(url, secret, database)
    names = list(collections) or None
    exporter: Union[Exporter, TableExporter]
    try:
        with Progress("exporting", None, quiet=quiet) as progress:
            if leaves:
                exporter = TableExporter(connection, out, doc_format, names, progress)
            else:
                writer = ExportWriter(out, doc_format == "tagged", not array, compress)
                exporter = Exporter(connection, writer, names, not no_credentials, live, progress)
            exporter.run()
    finally:
        connection.close()
    click.echo(printable("\n".join(exporter.lines())))
    return 0 if exporter.ok else 1
