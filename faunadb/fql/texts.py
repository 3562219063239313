"""Query texts in either language: telling JavaScript from Python, and reading the queries."""

from __future__ import annotations

from faunadb.fql import javascript, python_fql
from faunadb.fql.errors import FqlSyntaxError
from faunadb.fql.forms import BY_JAVASCRIPT
from faunadb.fql.javascript import Query
from faunadb.fql.javascript_lexer import Token, tokenize

__all__ = ["is_javascript", "parse_text"]

# functions that have the same name in both languages, and so tell nothing
_SHARED = {"Ref", "Query"}
_JAVASCRIPT_CALLS = (set(BY_JAVASCRIPT) | set(javascript.SPECIAL_FUNCTIONS)) - _SHARED
_JAVASCRIPT_NAMES = {"true", "false", "null", "undefined"}


def is_javascript(text: str) -> bool:
    """Whether a text is JavaScript-style FQL rather than Python: by the functions it calls, else by its syntax."""
    try:
        tokens = tokenize(text)
    except FqlSyntaxError:
        return not _is_python(text) and _calls_javascript_words(text)
    if any(_is_javascript_word(tokens, index) for index in range(len(tokens))):
        return True
    return not _is_python(text) and any(token.text == "=>" for token in tokens)


def _is_javascript_word(tokens: list[Token], index: int) -> bool:
    token = tokens[index]
    if token.kind != "name":
        return False
    before = tokens[index - 1] if index else None
    if (
        before is not None
        and before.text == "."
        and (index < 2 or tokens[index - 2].text not in ("q", "query"))
    ):
        return False
    if token.text in _JAVASCRIPT_NAMES:
        return True
    return token.text in _JAVASCRIPT_CALLS and tokens[index + 1].text == "("


def _calls_javascript_words(text: str) -> bool:
    return any(f"{name}(" in text for name in _JAVASCRIPT_CALLS)


def _is_python(text: str) -> bool:
    try:
        python_fql.syntax(text)
    except FqlSyntaxError:
        return False
    return True


def parse_text(text: str) -> list[Query]:
    """The queries of a text in either language. Nothing in the text is run.

    :raises FqlSyntaxError: with line and column of the first thing that cannot be read
    """
    if is_javascript(text):
        return javascript.parse_script(text)
    return python_fql.parse_script(text)
