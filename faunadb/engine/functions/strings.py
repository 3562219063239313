"""Strings (value functions, "Strings"). Lengths and offsets count code points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Optional

from ..java import formatter as textformat
from ..java import regex as javaregex
from ..java import text as u
from ..java.numbers import low32
from ..java.regex import JavaPattern
from ..language.budget import seconds_left, spend
from ..language.casts import BOOLEAN, INTEGER, NORMALIZER, REGEX, SCALAR, STRING, Many
from ..language.errors import (
    Fault,
    Faults,
    bad_request,
    invalid_argument,
    timed_out,
    wrong_type,
)
from ..language.legacy import LegacyWriter
from ..language.registry import Arg, form
from ..language.render import ResponseWriter
from ..language.values import type_name
from .conversions import text_of

if TYPE_CHECKING:
    from ..language.context import Context

STRINGS = Many(STRING)
SCALARS = Many(SCALAR)

#: How many repetitions, spaces and regex results there may be.
MAX_COUNT = 1024

#: Longest text that a function makes: the size limit of a transaction. Without it, a few nested calls could fill the memory.
MAX_TEXT = 16_777_216

#: How many characters of a long text are normalized between two looks at the clock.
_CHUNK = 1 << 16


def _check_size(size: int) -> None:
    """Refuse a text that is about to become longer than a transaction may be (400, no position)."""
    if size > MAX_TEXT:
        raise bad_request(f"Transaction exceeded limit: got {size} bytes, limit {MAX_TEXT} bytes")


@form(Arg("concat", STRINGS), optional=(Arg("separator", STRING, default=""),))
def concat(ctx: Context, parts: list[str], separator: str) -> str:
    """Strings joined, with a separator between them.

    >>> q.concat(["Happy", "Trails"], " ")
    'Happy Trails'
    """
    _check_size(sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0))
    return separator.join(parts)


def _normalized(text: str, normalizer: str) -> str:
    if len(text) > _CHUNK and not text.isascii():
        # Compatibility forms may take 18 times as much, so the size is checked piece by piece before the text is made.
        size = 0
        form = "NFKC" if normalizer == "NFKCCaseFold" else normalizer
        for start in range(0, len(text), _CHUNK):
            chunk = text[start : start + _CHUNK]
            spend(16 * len(chunk))
            size += len(u.normalized(chunk, form))
            _check_size(size)
    return u.normalized(text, normalizer)


@form(Arg("casefold", SCALARS), optional=(Arg("normalizer", NORMALIZER, default="NFKCCaseFold"),), slow=True)
def casefold(ctx: Context, operands: list[Any], normalizer: str) -> Any:
    """Strings folded for comparison regardless of case, or normalised; other scalars pass. One operand comes back bare.

    >>> q.casefold("Hen Wen")
    'hen wen'
    """
    folded = [_normalized(item, normalizer) if type(item) is str else item for item in operands]
    return folded[0] if len(folded) == 1 else folded


@form(Arg("regexescape", STRING), slow=True)
def regexescape(ctx: Context, text: str) -> str:
    """A pattern that matches a text literally.

    >>> q.regex_escape("a.b")
    '\\\\Qa.b\\\\E'
    """
    return javaregex.quote(text)


@form(Arg("startswith", STRING), Arg("search", STRING))
def startswith(ctx: Context, text: str, search: str) -> bool:
    """True when a text begins with another.

    >>> q.starts_with("faunadb", "fauna")
    True
    """
    return text.startswith(search)


@form(Arg("endswith", STRING), Arg("search", STRING))
def endswith(ctx: Context, text: str, search: str) -> bool:
    """True when a text ends with another.

    >>> q.ends_with("faunadb", "db")
    True
    """
    return text.endswith(search)


@form(Arg("containsstr", STRING), Arg("search", STRING), slow=True)
def containsstr(ctx: Context, text: str, search: str) -> bool:
    """True when a text holds another.

    >>> q.contains_str("faunadb", "nad")
    True
    """
    return search in text


def _bounded(ctx: Context, search: Callable[[float], Any]) -> Any:
    """Run a regex search with the seconds that it may take; it does not begin when the query's time is up."""
    ctx.check_deadline()
    try:
        return search(seconds_left(javaregex.TIME_LIMIT))
    except javaregex.MatchTimeout:
        raise timed_out("Regular expression has timed out.") from None


@form(Arg("containsstrregex", STRING), Arg("pattern", REGEX), slow=True)
def containsstrregex(ctx: Context, text: str, pattern: JavaPattern) -> bool:
    """True when a pattern (Java's dialect) is found anywhere in a text.

    >>> q.contains_str_regex("faunadb", "f[a-z]+b")
    True
    """
    return bool(_bounded(ctx, lambda seconds: pattern.found_in(text, seconds)))


def _start(text: str, start: Optional[int]) -> int:
    found = u.search_start(text, start)
    if found is None:
        # The original counts UTF-16 units here, and has an internal error.
        raise invalid_argument("start must be less than or equal to the string length", "start")
    return found


@form(Arg("findstr", STRING), Arg("find", STRING), optional=(Arg("start", INTEGER),), slow=True)
def findstr(ctx: Context, text: str, find: str, start: Optional[int]) -> int:
    """The index of the first occurrence at or after ``start``, -1 for none. A start outside the text counts as 0.

    >>> q.find_str("heLLo world", "world")
    6
    """
    return text.find(find, _start(text, start))


@form(
    Arg("findstrregex", STRING),
    Arg("pattern", REGEX),
    optional=(Arg("start", INTEGER), Arg("num_results", INTEGER, default=MAX_COUNT)),
    slow=True,
)
def findstrregex(
    ctx: Context, text: str, pattern: JavaPattern, start: Optional[int], num_results: int
) -> list[dict[str, Any]]:
    """The matches of a pattern: objects of ``start``, ``end`` (inclusive) and ``data``; at most 1024.

    >>> q.find_str_regex("heLLo world", "[wo]+")
    [{'start': 4, 'end': 4, 'data': 'o'}, {'start': 6, 'end': 7, 'data': 'wo'}]
    """
    offset = _start(text, start)
    wanted = min(num_results, MAX_COUNT)
    return _bounded(ctx, lambda seconds: _matches(text, pattern, offset, wanted, seconds))  # type: ignore[no-any-return]


def _matches(
    text: str, pattern: JavaPattern, offset: int, wanted: int, seconds: float
) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    if wanted <= 0:
        return results
    for match in pattern.matches(text[offset:], seconds):
        data = match.group()
        start = offset + match.start()
        end = start + max(len(data) - 1, 0)
        if data and data[-1] > "\uffff":
            end += 1  # as in the original, which counts the second half of a surrogate pair here
        results.append({"start": start, "end": end, "data": data})
        if len(results) == wanted:
            break
    return results


@form(Arg("length", STRING))
def length(ctx: Context, text: str) -> int:
    """The number of code points.

    >>> q.length("heLLo")
    5
    """
    return len(text)


def _mapped(
    key: str, driver: str, what: str, change: Callable[[str], str], example: str
) -> Callable[..., Any]:
    def mapped(ctx: Context, text: str) -> str:
        return change(text)

    mapped.__name__ = key
    mapped.__doc__ = f"""{what}

    >>> q.{driver}({example!r})
    {change(example)!r}
    """
    return form(Arg(key, STRING), slow=True)(mapped)


lowercase = _mapped("lowercase", "lowercase", "The text in lower case.", str.lower, "Fire Beak")
uppercase = _mapped("uppercase", "uppercase", "The text in upper case.", str.upper, "Fire Beak")
trim = _mapped(
    "trim", "trim", "The text without white space at either end.", lambda s: s.strip(u.BLANKS), "  a "
)
ltrim = _mapped(
    "ltrim", "ltrim", "The text without leading white space.", lambda s: s.lstrip(u.BLANKS), "  a "
)
rtrim = _mapped(
    "rtrim", "rtrim", "The text without trailing white space.", lambda s: s.rstrip(u.BLANKS), " a  "
)


@form(Arg("titlecase", STRING), slow=True)
def titlecase(ctx: Context, text: str) -> str:
    """Each word with a capital first letter, by Unicode's word boundaries.

    >>> q.titlecase("don't stop")
    "Don't Stop"
    """
    return u.titlecase(text)


#: How many bytes an n-gram takes besides its characters.
_GRAM = 56

_ABOVE = "min ngram size must be > 0 and <= max"


def _check_grams(least: Optional[int], most: Optional[int]) -> None:
    problems: list[str] = []
    if least is not None and most is not None:
        if least > most or least <= 0:
            problems.append(_ABOVE)
        if most <= 0:
            problems.append("max ngram size must be > 0")
        if most - least > 1:
            problems.append("max ngram size must be <= min + 1")
    elif least is not None:
        if least > 2 or least <= 0:
            problems.append(_ABOVE)
        if 2 - least > 1:
            problems.append("min ngram size must be >= max - 1")
    elif most is not None:
        if most <= 1:
            problems.append("max ngram size must be > 0 and >= min")
        if most - 1 > 1:
            problems.append("max ngram size must be <= min + 1")
    if problems:
        raise Faults([invalid_argument(problem) for problem in problems])


@form(Arg("ngram", SCALARS), optional=(Arg("min", INTEGER), Arg("max", INTEGER)), slow=True)
def ngram(ctx: Context, operands: list[Any], least: Optional[int], most: Optional[int]) -> list[Any]:
    """The n-grams of strings, 1 to 2 code points long when not said; other scalars pass.

    >>> q.ngram("abc", 2, 3)
    ['ab', 'abc', 'bc']
    """
    _check_grams(least, most)
    low, high = 1 if least is None else least, 2 if most is None else most
    result: list[Any] = []
    for item in operands:
        if type(item) is not str:
            result.append(item)
            continue
        for gram in u.grams(item, low, high):
            ctx.allocate(len(gram) + _GRAM)
            result.append(gram)
    return result


@form(Arg("repeat", STRING), optional=(Arg("number", INTEGER, default=2),))
def repeat(ctx: Context, text: str, number: int) -> str:
    """A text repeated, twice when not said, at most 1024 times.

    >>> q.repeat("ab", 3)
    'ababab'
    """
    count = max(low32(min(number, MAX_COUNT)), 0)
    _check_size(len(text) * count)
    return text * count


@form(Arg("space", INTEGER))
def space(ctx: Context, count: int) -> str:
    """That many spaces, at most 1024.

    >>> q.space(3)
    '   '
    """
    return " " * max(low32(min(count, MAX_COUNT)), 0)


@form(Arg("replacestr", STRING), Arg("find", STRING), Arg("replace", STRING), slow=True)
def replacestr(ctx: Context, text: str, find: str, replace: str) -> str:
    """Every occurrence of a text replaced.

    >>> q.replace_str("one fish two fish", "fish", "dog")
    'one dog two dog'
    """
    if len(replace) > len(find):
        _check_size(len(text) + text.count(find) * (len(replace) - len(find)))
    return text.replace(find, replace) if find else u.interleaved(text, replace)


@form(
    Arg("replacestrregex", STRING),
    Arg("pattern", REGEX),
    Arg("replace", STRING),
    optional=(Arg("first", BOOLEAN, default=False),),
    slow=True,
)
def replacestrregex(ctx: Context, text: str, pattern: JavaPattern, replace: str, first: bool) -> str:
    """Every match of a pattern replaced, or only the first. ``$1`` in the replacement is a group.

    >>> q.replace_str_regex("one fish two fish", "(o[a-z]+) ", "$1-")
    'one-fish two fish'
    """
    try:
        return str(_bounded(ctx, lambda seconds: pattern.replace(text, replace, first, seconds)))
    except javaregex.InvalidReplacement as problem:
        # The original fails with an internal error here; naming what is wrong serves better.
        raise invalid_argument(f"Invalid replacement: {problem}.", "replace") from None


@form(Arg("substring", STRING), optional=(Arg("start", INTEGER, default=0), Arg("length", INTEGER)))
def substring(ctx: Context, text: str, start: int, length: Optional[int]) -> str:
    """A part of a text; a negative start counts from the end.

    >>> q.substring("heLLo world", 6, 3)
    'wor'
    """
    size = len(text)
    begin = low32(start)
    if begin < 0:
        begin += size
    if not 0 <= begin <= size:
        raise invalid_argument("start must be less than or equal to the string length")
    if length is not None and length < 0:
        raise invalid_argument("length must be positive")
    return text[begin : size if length is None else begin + length]


@form(Arg("format", STRING), Arg("values", Many(None)), slow=True)
def format_(ctx: Context, text: str, values: list[Any]) -> str:
    """A text with its ``%`` specifiers replaced by values, after Java's Formatter.

    ``%d %x %o`` take Integers, ``%f %e %g`` Doubles, ``%s`` what has a text, ``%b`` anything, ``%t`` with a suffix
    dates and times, ``%^`` anything as JSON.

    >>> q.format("%2$s has %1$d tracks", 12, "Imagine")
    'Imagine has 12 tracks'
    """
    try:
        parts = textformat.parse(text)
    except textformat.InvalidFormat as problem:
        raise invalid_argument(f"Invalid conversion format '{problem}'.", "format") from None
    indexes = _value_indexes(parts)
    shown: list[str] = []
    lacking: Optional[Fault] = None
    size = 0
    for index, part in zip(indexes, parts):
        if not isinstance(part, str):
            if index >= len(values):
                # Values of a wrong type are reported before a lack of values.
                lacking = lacking or _lacking(part)
                continue
            _check_size(part.least_length)
            part = _formatted(ctx, part, index, values)
        size += len(part)
        _check_size(size)
        shown.append(part)
    if lacking is not None:
        raise lacking
    return "".join(shown)


def _lacking(part: textformat.Specifier) -> Fault:
    if part.place:
        return invalid_argument("index must be >= 1 and <= arguments size", "format")
    return invalid_argument("format specifiers count must be <= arguments size", "format")


def _value_indexes(parts: list[Any]) -> list[int]:
    """The index of each part's value, -1 for one that takes none."""
    indexes: list[int] = []
    following = 0
    for part in parts:
        if isinstance(part, str) or not part.takes_value:
            indexes.append(-1)
        elif part.place > textformat.MAX_INT32:
            raise invalid_argument("index must be >= 1 and <= arguments size", "format")
        elif part.place:
            indexes.append(part.place - 1)
        else:
            indexes.append(following)
            following += 1
    return indexes


def _formatted(ctx: Context, spec: textformat.Specifier, index: int, values: list[Any]) -> str:
    if spec.conversion in "%n":
        return "%" if spec.conversion == "%" else "\n"
    value = values[index]
    if spec.conversion in "@^":
        return _as_json(ctx, value, spec.conversion == "@")
    try:
        spec.check()
        return textformat.show(spec, value, text_of)
    except textformat.InvalidFormat as problem:
        raise invalid_argument(f"Invalid conversion format '{problem}'.", "format") from None
    except textformat.InvalidSuffix as problem:
        raise invalid_argument(f"Invalid date/time suffix '{problem}'.", ("values", index)) from None
    except textformat.WrongValue as problem:
        if spec.conversion == "s":
            raise invalid_argument(f"Cannot cast {type_name(value)} to String.", ("values", index)) from None
        raise wrong_type(str(problem), value, ("values", index)) from None


def _as_json(ctx: Context, value: Any, old: bool) -> str:
    """Compact JSON as a response would have it; old: in the style of API version 2.1 (refs use ``class``)."""
    return (LegacyWriter(ctx) if old else ResponseWriter(ctx)).text(value)
