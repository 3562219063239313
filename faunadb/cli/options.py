"""Options and arguments that several commands share."""

from __future__ import annotations

import re
from typing import Any, Callable, Optional

import click
from click.core import ParameterSource

__all__ = [
    "create_option",
    "database_option",
    "secret_option",
    "split_words",
    "url_argument",
    "words_argument",
]

Function = Callable[..., Any]


def secret_option(function: Function) -> Function:
    return click.option(
        "--secret", metavar="SECRET", callback=_visible, help="Secret of a key (default: FAUNA_SECRET)."
    )(function)


def _visible(context: click.Context, parameter: click.Parameter, secret: Optional[str]) -> Optional[str]:
    """A callback of click: warn when the secret was given on the command line."""
    if context.get_parameter_source("secret") is ParameterSource.COMMANDLINE:
        text = "warning: others can see --secret in the list of processes; use FAUNA_SECRET"
        click.echo(f"{context.command_path}: {text}", err=True)
    return secret


def database_option(text: str) -> Callable[[Function], Function]:
    return click.option("--database", metavar="PATH", default="", help=text)


def url_argument(function: Function) -> Function:
    """The URL of a database; FAUNA_ENDPOINT where it is left out."""
    return click.argument("url", required=False)(function)


def words_argument(what: str) -> Callable[[Function], Function]:
    """An optional URL of a database, and another argument; `split_words` tells them apart."""
    return click.argument("words", nargs=-1, metavar=f"[URL] {what}")


def split_words(words: tuple[str, ...], what: str) -> tuple[Optional[str], str]:
    """The URL (``None`` when left out) and the other argument.

    :raises click.UsageError: when there are too many or too few words
    """
    if not 1 <= len(words) <= 2:
        raise click.UsageError(
            f"one URL (or FAUNA_ENDPOINT) and one {what} were expected, {len(words)} given"
        )
    if len(words) == 1 and re.match(r"(sqlite|postgres|postgresql|https?)://", words[0]):
        raise click.UsageError(f"Missing argument '{what}'.")
    return (None if len(words) == 1 else words[0]), words[-1]


def create_option(function: Function) -> Function:
    return click.option("--create", is_flag=True, help="Make the file of the database when it is not there.")(
        function
    )
