"""FQL v4 as Python functions: each builds an expression that :meth:`faunadb.client.FaunaClient.query` sends.

Arguments are expressions or plain Python values, which are wrapped: a ``dict`` becomes an FQL object, a
``list`` or ``tuple`` an array, and a Python ``lambda`` an FQL lambda with the same parameter names. Optional
arguments that are ``None`` are left out of the query. Building an expression sends nothing; what a function
does is decided by the database when the query runs, and its errors are those of the query.

:raises faunadb.errors.UnexpectedError: From any function here, when an argument cannot be sent: an integer
    beyond 64 bits, NaN or infinity, an object with keys that are not strings, a structure that contains
    itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from faunadb._expressions import _Expr as _Expr
from faunadb._expressions import _fn as _fn
from faunadb._expressions import _params as _params
from faunadb._expressions import _raw, _raw_function
from faunadb._expressions import _varargs as _varargs
from faunadb._expressions import _wrap as _wrap
from faunadb._expressions import _wrap_values as _wrap_values
from faunadb.deprecated import deprecated

# Many functions below are named for FQL's functions and hide Python's: abs, all, any, format, max, min, pow,
# range, round, sum. Code in this module must not mean Python's by those names.

# Tells an argument that was not given from one that is ``None``.
_NO_DEFAULT = object()


class LetBindings:
    """Variables of a ``let`` that still lacks its expression: see :func:`let`."""

    def __init__(self, bindings: Iterable[Mapping[str, Any]]) -> None:
        self._bindings = [dict(binding) for binding in bindings]

    def in_(self, in_expr: Any) -> _Expr:
        """Return the ``let`` whose value is ``in_expr``, which may use the variables."""
        return _Expr({"let": _raw([_fn(binding) for binding in self._bindings]), "in": _raw(in_expr)})


# Basic forms


def abort(msg: Any) -> _Expr:
    """Abort the transaction with a message; the query fails with code ``transaction aborted``."""
    return _Expr({"abort": _raw(msg)})


def ref(collection_ref: Any, id: Any = None) -> _Expr:
    """Return a reference to the document ``id`` of a collection; without ``id``, of a reference as text."""
    if id is None:
        return _Expr({"@ref": _raw(collection_ref)})
    return _Expr({"ref": _raw(collection_ref), "id": _raw(id)})


@deprecated("use collections instead")
def classes(scope: Any = None) -> _Expr:
    """Return the native collection of collections, of the database ``scope`` when one is given."""
    return _Expr({"classes": _raw(scope)})


def collections(scope: Any = None) -> _Expr:
    """Return the native collection of collections, of the database ``scope`` when one is given."""
    return _Expr({"collections": _raw(scope)})


def documents(collections: Any) -> _Expr:
    """Return the set of all documents of a collection."""
    return _Expr({"documents": _raw(collections)})


def databases(scope: Any = None) -> _Expr:
    """Return the native collection of databases, of the database ``scope`` when one is given."""
    return _Expr({"databases": _raw(scope)})


def indexes(scope: Any = None) -> _Expr:
    """Return the native collection of indexes, of the database ``scope`` when one is given."""
    return _Expr({"indexes": _raw(scope)})


def functions(scope: Any = None) -> _Expr:
    """Return the native collection of user functions, of the database ``scope`` when one is given."""
    return _Expr({"functions": _raw(scope)})


def roles(scope: Any = None) -> _Expr:
    """Return the native collection of roles, of the database ``scope`` when one is given."""
    return _Expr({"roles": _raw(scope)})


def access_providers(scope: Any = None) -> _Expr:
    """Return the native collection of access providers, of the database ``scope`` when one is given."""
    return _Expr({"access_providers": _raw(scope)})


def keys(scope: Any = None) -> _Expr:
    """Return the native collection of keys, of the database ``scope`` when one is given."""
    return _Expr({"keys": _raw(scope)})


def tokens(scope: Any = None) -> _Expr:
    """Return the native collection of tokens, of the database ``scope`` when one is given."""
    return _Expr({"tokens": _raw(scope)})


def credentials(scope: Any = None) -> _Expr:
    """Return the native collection of credentials, of the database ``scope`` when one is given."""
    return _Expr({"credentials": _raw(scope)})


def at(timestamp: Any, expr: Any) -> _Expr:
    """Evaluate reads in ``expr`` as of a time (a time expression, or microseconds since the epoch)."""
    return _Expr({"at": _raw(timestamp), "expr": _raw(expr)})


def let(*args: Any, **kwargs: Any) -> Any:
    """Bind variables for the evaluation of an expression.

    ``let({"x": 1, "y": var("x")}, expression)`` returns the expression; ``let(x=1, y=2)`` returns
    :class:`LetBindings`, whose ``in_(expression)`` does. Later bindings see earlier ones. The
    bindings may also be a list of dicts, which allows a name to be bound again.

    :raises TypeError: For any other arguments.
    """
    if kwargs:
        if args:
            raise TypeError("let takes bindings either as a dict or as keyword arguments, not as both.")
        return LetBindings(_single_bindings(kwargs))
    if not args or len(args) > 2:
        raise TypeError(f"let takes bindings and an expression, got {len(args)} arguments.")
    bindings = LetBindings(_single_bindings(args[0]))
    return bindings if len(args) == 1 else bindings.in_(args[1])


def _single_bindings(bindings: Any) -> list[dict[str, Any]]:
    """Return bindings one by one, which is how a query has them since their order matters."""
    if isinstance(bindings, Mapping):
        return [{name: value} for name, value in bindings.items()]
    if isinstance(bindings, (list, tuple)) and _are_mappings(bindings):
        return [{name: value} for binding in bindings for name, value in binding.items()]
    raise TypeError(f"Bindings of let must be a dict, or a list of dicts, got {type(bindings)}.")


def _are_mappings(values: Iterable[Any]) -> bool:
    for value in values:  # noqa: SIM110, since ``all`` is FQL's here
        if not isinstance(value, Mapping):
            return False
    return True


def var(var_name: Any) -> _Expr:
    """Return the value of a variable that ``let`` or a lambda binds."""
    return _Expr({"var": _raw(var_name)})


@deprecated("use if_ instead")
def if_expr(condition: Any, then: Any, else_: Any) -> _Expr:
    """Evaluate ``then`` or ``else_``, as a boolean condition says."""
    return _Expr({"if": _raw(condition), "then": _raw(then), "else": _raw(else_)})


def if_(condition: Any, then: Any, else_: Any) -> _Expr:
    """Evaluate ``then`` or ``else_``, as a boolean condition says."""
    return _Expr({"if": _raw(condition), "then": _raw(then), "else": _raw(else_)})


def do(*expressions: Any) -> _Expr:
    """Evaluate expressions one after another and return the value of the last."""
    return _Expr({"do": _raw(expressions)})


def lambda_query(func: Callable[..., Any]) -> _Expr:
    """Turn a Python function into an FQL lambda with the same parameter names, by calling it with variables.

    ``lambda a: add(a, a)`` becomes ``lambda_("a", add(var("a"), var("a")))``; a function of several
    parameters becomes a lambda that takes an array.

    :raises ValueError: When the function has no parameter, or has parameters with default values, ``*args``,
        ``**kwargs`` or keyword-only parameters.
    """
    return _Expr(_raw_function(func))


@deprecated("use lambda_ instead")
def lambda_expr(var_name_or_pattern: Any, expr: Any) -> _Expr:
    """Return a lambda: a parameter name (``"_"`` to ignore it) or a list of them, and its body."""
    return _Expr({"lambda": _raw(var_name_or_pattern), "expr": _raw(expr)})


def lambda_(var_name_or_pattern: Any, expr: Any) -> _Expr:
    """Return a lambda: a parameter name (``"_"`` to ignore it) or a list of them, and its body."""
    return _Expr({"lambda": _raw(var_name_or_pattern), "expr": _raw(expr)})


def call(ref_: Any, *arguments: Any) -> _Expr:
    """Call a user function with arguments."""
    return _Expr({"call": _raw(ref_), "arguments": _raw(_varargs(arguments))})


def query(_lambda: Any) -> _Expr:
    """Return a lambda as a value, for instance as the body of a function. Takes a Python or an FQL lambda."""
    return _Expr({"query": _raw(_lambda)})


# Collections: arrays, pages and sets


@deprecated("use map_ instead")
def map_expr(expr: Any, collection: Any) -> _Expr:
    """Return what ``expr`` (a lambda) makes of each element of an array or page."""
    return _Expr({"map": _raw(expr), "collection": _raw(collection)})


def map_(expr: Any, collection: Any) -> _Expr:
    """Return what ``expr`` (a lambda) makes of each element of an array or page."""
    return _Expr({"map": _raw(expr), "collection": _raw(collection)})


def foreach(expr: Any, collection: Any) -> _Expr:
    """Evaluate ``expr`` (a lambda) for each element of an array or page, and return the array or page."""
    return _Expr({"foreach": _raw(expr), "collection": _raw(collection)})


@deprecated("use filter_ instead")
def filter_expr(expr: Any, collection: Any) -> _Expr:
    """Return the elements of an array, page or set for which ``expr`` (a lambda) gives true."""
    return _Expr({"filter": _raw(expr), "collection": _raw(collection)})


def filter_(expr: Any, collection: Any) -> _Expr:
    """Return the elements of an array, page or set for which ``expr`` (a lambda) gives true."""
    return _Expr({"filter": _raw(expr), "collection": _raw(collection)})


def take(number: Any, collection: Any) -> _Expr:
    """Return the first ``number`` elements."""
    return _Expr({"take": _raw(number), "collection": _raw(collection)})


def drop(number: Any, collection: Any) -> _Expr:
    """Return all but the first ``number`` elements."""
    return _Expr({"drop": _raw(number), "collection": _raw(collection)})


def prepend(elements: Any, collection: Any) -> _Expr:
    """Return an array with ``elements`` in front."""
    return _Expr({"prepend": _raw(elements), "collection": _raw(collection)})


def append(elements: Any, collection: Any) -> _Expr:
    """Return an array with ``elements`` at the end."""
    return _Expr({"append": _raw(elements), "collection": _raw(collection)})


def is_empty(collection: Any) -> _Expr:
    """Return whether an array, page or set has no elements."""
    return _Expr({"is_empty": _raw(collection)})


def is_nonempty(collection: Any) -> _Expr:
    """Return whether an array, page or set has elements."""
    return _Expr({"is_nonempty": _raw(collection)})


# Type checks


def is_number(expr: Any) -> _Expr:
    """Return whether a value is a number."""
    return _Expr({"is_number": _raw(expr)})


def is_double(expr: Any) -> _Expr:
    """Return whether a value is a double."""
    return _Expr({"is_double": _raw(expr)})


def is_integer(expr: Any) -> _Expr:
    """Return whether a value is an integer."""
    return _Expr({"is_integer": _raw(expr)})


def is_boolean(expr: Any) -> _Expr:
    """Return whether a value is a boolean."""
    return _Expr({"is_boolean": _raw(expr)})


def is_null(expr: Any) -> _Expr:
    """Return whether a value is null."""
    return _Expr({"is_null": _raw(expr)})


def is_bytes(expr: Any) -> _Expr:
    """Return whether a value is bytes."""
    return _Expr({"is_bytes": _raw(expr)})


def is_timestamp(expr: Any) -> _Expr:
    """Return whether a value is a time."""
    return _Expr({"is_timestamp": _raw(expr)})


def is_date(expr: Any) -> _Expr:
    """Return whether a value is a date."""
    return _Expr({"is_date": _raw(expr)})


def is_string(expr: Any) -> _Expr:
    """Return whether a value is a string."""
    return _Expr({"is_string": _raw(expr)})


def is_array(expr: Any) -> _Expr:
    """Return whether a value is an array."""
    return _Expr({"is_array": _raw(expr)})


def is_object(expr: Any) -> _Expr:
    """Return whether a value is an object."""
    return _Expr({"is_object": _raw(expr)})


def is_ref(expr: Any) -> _Expr:
    """Return whether a value is a reference."""
    return _Expr({"is_ref": _raw(expr)})


def is_set(expr: Any) -> _Expr:
    """Return whether a value is a set."""
    return _Expr({"is_set": _raw(expr)})


def is_doc(expr: Any) -> _Expr:
    """Return whether a value is a document."""
    return _Expr({"is_doc": _raw(expr)})


def is_lambda(expr: Any) -> _Expr:
    """Return whether a value is a lambda."""
    return _Expr({"is_lambda": _raw(expr)})


def is_collection(expr: Any) -> _Expr:
    """Return whether a value is a reference to a collection."""
    return _Expr({"is_collection": _raw(expr)})


def is_database(expr: Any) -> _Expr:
    """Return whether a value is a reference to a database."""
    return _Expr({"is_database": _raw(expr)})


def is_index(expr: Any) -> _Expr:
    """Return whether a value is a reference to an index."""
    return _Expr({"is_index": _raw(expr)})


def is_function(expr: Any) -> _Expr:
    """Return whether a value is a reference to a user function."""
    return _Expr({"is_function": _raw(expr)})


def is_key(expr: Any) -> _Expr:
    """Return whether a value is a reference to a key."""
    return _Expr({"is_key": _raw(expr)})


def is_token(expr: Any) -> _Expr:
    """Return whether a value is a reference to a token."""
    return _Expr({"is_token": _raw(expr)})


def is_credentials(expr: Any) -> _Expr:
    """Return whether a value is a reference to credentials."""
    return _Expr({"is_credentials": _raw(expr)})


def is_role(expr: Any) -> _Expr:
    """Return whether a value is a reference to a role."""
    return _Expr({"is_role": _raw(expr)})


# Reads


def get(ref_: Any, ts: Any = None) -> _Expr:
    """Return a document, or the first of a set; at time ``ts`` when given."""
    return _params({"get": ref_}, {"ts": ts})


def key_from_secret(secret: Any) -> _Expr:
    """Return the key that a secret belongs to."""
    return _Expr({"key_from_secret": _raw(secret)})


def paginate(
    set: Any,
    size: Any = None,
    ts: Any = None,
    after: Any = None,
    before: Any = None,
    events: Any = None,
    sources: Any = None,
) -> _Expr:
    """Return one page of a set.

    :param size: Most elements on the page (``int``); the server's default is 64.
    :param ts: Time to read at (a time, or microseconds since the epoch).
    :param after: Cursor: the page starts here.
    :param before: Cursor: the page ends just before here.
    :param events: ``True`` returns the set's history instead of its elements.
    :param sources: ``True`` says of each element which sets it came from.
    """
    optional = {
        "size": size,
        "ts": ts,
        "after": after,
        "before": before,
        "events": events,
        "sources": sources,
    }
    return _params({"paginate": set}, optional)


def exists(ref_: Any, ts: Any = None) -> _Expr:
    """Return whether a document exists, or a set has elements; at time ``ts`` when given."""
    return _params({"exists": ref_}, {"ts": ts})


# Writes


def create(collection_ref: Any, params: Any) -> _Expr:
    """Create a document and return it."""
    return _Expr({"create": _raw(collection_ref), "params": _raw(params)})


def update(ref_: Any, params: Any) -> _Expr:
    """Merge ``params`` into a document and return it."""
    return _Expr({"update": _raw(ref_), "params": _raw(params)})


def replace(ref_: Any, params: Any) -> _Expr:
    """Replace what a document holds and return it."""
    return _Expr({"replace": _raw(ref_), "params": _raw(params)})


def delete(ref_: Any) -> _Expr:
    """Delete a document and return what it was."""
    return _Expr({"delete": _raw(ref_)})


def insert(ref_: Any, ts: Any, action: Any, params: Any) -> _Expr:
    """Add a version to a document's history."""
    return _Expr({"insert": _raw(ref_), "ts": _raw(ts), "action": _raw(action), "params": _raw(params)})


def remove(ref_: Any, ts: Any, action: Any) -> _Expr:
    """Remove a version from a document's history."""
    return _Expr({"remove": _raw(ref_), "ts": _raw(ts), "action": _raw(action)})


@deprecated("use create_collection instead")
def create_class(class_params: Any) -> _Expr:
    """Create a collection and return its document."""
    return _Expr({"create_class": _raw(class_params)})


def create_collection(collection_params: Any) -> _Expr:
    """Create a collection and return its document."""
    return _Expr({"create_collection": _raw(collection_params)})


def create_database(db_params: Any) -> _Expr:
    """Create a database and return its document."""
    return _Expr({"create_database": _raw(db_params)})


def create_index(index_params: Any) -> _Expr:
    """Create an index and return its document."""
    return _Expr({"create_index": _raw(index_params)})


def create_function(func_params: Any) -> _Expr:
    """Create a user function and return its document."""
    return _Expr({"create_function": _raw(func_params)})


def create_role(func_params: Any) -> _Expr:
    """Create a role and return its document."""
    return _Expr({"create_role": _raw(func_params)})


def create_access_provider(provider_params: Any) -> _Expr:
    """Create an access provider and return its document."""
    return _Expr({"create_access_provider": _raw(provider_params)})


def move_database(from_: Any, to: Any) -> _Expr:
    """Move a database into another one."""
    return _Expr({"move_database": _raw(from_), "to": _raw(to)})


def create_key(key_params: Any) -> _Expr:
    """Create a key and return its document, the only one that shows the ``secret``."""
    return _Expr({"create_key": _raw(key_params)})


# Sets


def singleton(ref_: Any) -> _Expr:
    """Return the set that holds one document."""
    return _Expr({"singleton": _raw(ref_)})


def events(ref_set: Any) -> _Expr:
    """Return the history of a document or set."""
    return _Expr({"events": _raw(ref_set)})


def match(index: Any, *terms: Any) -> _Expr:
    """Return the set of an index's entries for these terms."""
    form = {"match": _raw(index)}
    if terms:
        form["terms"] = _raw(_varargs(terms))
    return _Expr(form)


def reverse(set_array_or_page: Any) -> _Expr:
    """Return an array, page or set in reverse order."""
    return _Expr({"reverse": _raw(set_array_or_page)})


def merge(merge: Any, with_: Any, lambda_: Any = None) -> _Expr:
    """Return an object merged with others; a lambda of key and both values decides conflicts."""
    return _params({"merge": merge, "with": with_}, {"lambda": lambda_})


def union(*sets: Any) -> _Expr:
    """Return the elements of any of the sets (or arrays, or pages)."""
    return _Expr({"union": _raw(_varargs(sets))})


def reduce(lambda_: Any, initial: Any, collection: Any) -> _Expr:
    """Combine all elements with a lambda of accumulator and element."""
    return _Expr({"reduce": _raw(lambda_), "initial": _raw(initial), "collection": _raw(collection)})


def intersection(*sets: Any) -> _Expr:
    """Return the elements of all of the sets (or arrays, or pages)."""
    return _Expr({"intersection": _raw(_varargs(sets))})


def difference(*sets: Any) -> _Expr:
    """Return the elements of the first set (or array, or page) that are in none of the others."""
    return _Expr({"difference": _raw(_varargs(sets))})


def distinct(set: Any) -> _Expr:
    """Return each element of a set, array or page once."""
    return _Expr({"distinct": _raw(set)})


def join(source: Any, target: Any) -> _Expr:
    """Return the union of what ``target`` (a lambda or an index) gives for each element."""
    return _Expr({"join": _raw(source), "with": _raw(target)})


def range(set: Any, from_: Any, to: Any) -> _Expr:
    """Return the elements of a set (or array, or page) between two bounds, which are included."""
    return _Expr({"range": _raw(set), "from": _raw(from_), "to": _raw(to)})


# Authentication


def login(ref_: Any, params: Any) -> _Expr:
    """Create a token for a document, given its password, and return it with its ``secret``."""
    return _Expr({"login": _raw(ref_), "params": _raw(params)})


def logout(delete_tokens: Any) -> _Expr:
    """Delete the token in use, or all tokens of its document when the argument is true."""
    return _Expr({"logout": _raw(delete_tokens)})


def identify(ref_: Any, password: Any) -> _Expr:
    """Return whether a password is that of a document."""
    return _Expr({"identify": _raw(ref_), "password": _raw(password)})


@deprecated("Use `current_identity` instead")
def identity() -> _Expr:
    """Return the document that the secret belongs to."""
    return _Expr({"identity": None})


def current_identity() -> _Expr:
    """Return a reference to the document that the secret belongs to."""
    return _Expr({"current_identity": None})


def has_current_identity() -> _Expr:
    """Return whether the secret belongs to a document."""
    return _Expr({"has_current_identity": None})


def current_token() -> _Expr:
    """Return a reference to the token or key in use, or the claims of a JWT."""
    return _Expr({"current_token": None})


def has_current_token() -> _Expr:
    """Return whether the secret is a token or key."""
    return _Expr({"has_current_token": None})


def has_identity() -> _Expr:
    """Return whether the secret belongs to a document."""
    return _Expr({"has_identity": None})


# Strings


def format(string: Any, *values: Any) -> _Expr:
    """Return a text in which ``%s``, ``%d`` and so on are replaced by values."""
    return _Expr({"format": _raw(string), "values": _raw(values)})


def concat(strings: Any, separator: Any = None) -> _Expr:
    """Return strings joined, with a separator between them."""
    return _params({"concat": strings}, {"separator": separator})


def casefold(string: Any, normalizer: Any = None) -> _Expr:
    """Return a string normalized, for comparing without case."""
    return _params({"casefold": string}, {"normalizer": normalizer})


def starts_with(value: Any, search: Any) -> _Expr:
    """Return whether a string starts with another."""
    return _Expr({"startswith": _raw(value), "search": _raw(search)})


def ends_with(value: Any, search: Any) -> _Expr:
    """Return whether a string ends with another."""
    return _Expr({"endswith": _raw(value), "search": _raw(search)})


def contains_str(value: Any, search: Any) -> _Expr:
    """Return whether a string contains another."""
    return _Expr({"containsstr": _raw(value), "search": _raw(search)})


def contains_str_regex(value: Any, pattern: Any) -> _Expr:
    """Return whether a regular expression matches somewhere in a string."""
    return _Expr({"containsstrregex": _raw(value), "pattern": _raw(pattern)})


def regex_escape(value: Any) -> _Expr:
    """Return a regular expression that matches a string as it is."""
    return _Expr({"regexescape": _raw(value)})


def ngram(terms: Any, min: Any = None, max: Any = None) -> _Expr:
    """Return all substrings of ``min`` to ``max`` characters (by default 1 to 2)."""
    return _params({"ngram": terms}, {"min": min, "max": max})


def find_str(value: Any, find: Any, start: Any = None) -> _Expr:
    """Return where a string contains another, -1 for nowhere."""
    return _params({"findstr": value, "find": find}, {"start": start})


def find_str_regex(value: Any, pattern: Any, start: Any = None, numResults: Any = None) -> _Expr:
    """Return where and what a regular expression matches, at most ``numResults`` times."""
    return _params({"findstrregex": value, "pattern": pattern}, {"start": start, "num_results": numResults})


def replace_str(value: Any, find: Any, replace: Any) -> _Expr:
    """Return a string with all occurrences of ``find`` replaced."""
    return _Expr({"replacestr": _raw(value), "find": _raw(find), "replace": _raw(replace)})


def replace_str_regex(value: Any, pattern: Any, replace: Any, first: Any = None) -> _Expr:
    """Return a string with all (or the first) matches of a regular expression replaced."""
    return _params({"replacestrregex": value, "pattern": pattern, "replace": replace}, {"first": first})


def length(value: Any) -> _Expr:
    """Return the number of characters of a string."""
    return _Expr({"length": _raw(value)})


def lowercase(value: Any) -> _Expr:
    """Return a string in lower case."""
    return _Expr({"lowercase": _raw(value)})


def uppercase(value: Any) -> _Expr:
    """Return a string in upper case."""
    return _Expr({"uppercase": _raw(value)})


def titlecase(value: Any) -> _Expr:
    """Return a string with each word capitalized."""
    return _Expr({"titlecase": _raw(value)})


def trim(value: Any) -> _Expr:
    """Return a string without white space at both ends."""
    return _Expr({"trim": _raw(value)})


def ltrim(value: Any) -> _Expr:
    """Return a string without white space at its start."""
    return _Expr({"ltrim": _raw(value)})


def rtrim(value: Any) -> _Expr:
    """Return a string without white space at its end."""
    return _Expr({"rtrim": _raw(value)})


def space(count: Any) -> _Expr:
    """Return a string of ``count`` spaces."""
    return _Expr({"space": _raw(count)})


def substring(value: Any, start: Any, length: Any = None) -> _Expr:
    """Return part of a string, from an index on."""
    return _params({"substring": value, "start": start}, {"length": length})


def repeat(value: Any, number: Any = None) -> _Expr:
    """Return a string repeated ``number`` times (by default 2)."""
    return _params({"repeat": value}, {"number": number})


# Times and dates


def time(string: Any) -> _Expr:
    """Return the time of an ISO 8601 string; ``"now"`` is the time of the transaction."""
    return _Expr({"time": _raw(string)})


def epoch(number: Any, unit: Any) -> _Expr:
    """Return the time so many units after 1970-01-01T00:00:00Z (``second`` ... ``nanosecond``)."""
    return _Expr({"epoch": _raw(number), "unit": _raw(unit)})


def now() -> _Expr:
    """Return the time of the transaction."""
    return _Expr({"now": None})


def date(string: Any) -> _Expr:
    """Return the date of an ISO 8601 string."""
    return _Expr({"date": _raw(string)})


def time_add(base: Any, offset: Any, unit: Any) -> _Expr:
    """Return a time or date moved forward."""
    return _Expr({"time_add": _raw(base), "offset": _raw(offset), "unit": _raw(unit)})


def time_subtract(base: Any, offset: Any, unit: Any) -> _Expr:
    """Return a time or date moved backward."""
    return _Expr({"time_subtract": _raw(base), "offset": _raw(offset), "unit": _raw(unit)})


def time_diff(start: Any, finish: Any, unit: Any) -> _Expr:
    """Return the whole units between two times or dates."""
    return _Expr({"time_diff": _raw(start), "other": _raw(finish), "unit": _raw(unit)})


# References


@deprecated("use new_id instead")
def next_id() -> _Expr:
    """Return a new document id."""
    return _Expr({"next_id": None})


def new_id() -> _Expr:
    """Return a new document id, unique in the whole database."""
    return _Expr({"new_id": None})


def database(db_name: Any, scope: Any = None) -> _Expr:
    """Return a reference to a database by its name, in the database ``scope`` when one is given."""
    return _params({"database": db_name}, {"scope": scope})


def index(index_name: Any, scope: Any = None) -> _Expr:
    """Return a reference to an index by its name, in the database ``scope`` when one is given."""
    return _params({"index": index_name}, {"scope": scope})


@deprecated("use collection instead")
def class_expr(class_name: Any, scope: Any = None) -> _Expr:
    """Return a reference to a collection by its name, in the database ``scope`` when one is given."""
    return _params({"class": class_name}, {"scope": scope})


@deprecated("use collection instead")
def class_(class_name: Any, scope: Any = None) -> _Expr:
    """Return a reference to a collection by its name, in the database ``scope`` when one is given."""
    return _params({"class": class_name}, {"scope": scope})


def collection(collection_name: Any, scope: Any = None) -> _Expr:
    """Return a reference to a collection by its name, in the database ``scope`` when one is given."""
    return _params({"collection": collection_name}, {"scope": scope})


def function(fn_name: Any, scope: Any = None) -> _Expr:
    """Return a reference to a user function by its name, in the database ``scope`` when one is given."""
    return _params({"function": fn_name}, {"scope": scope})


def role(role_name: Any, scope: Any = None) -> _Expr:
    """Return a reference to a role by its name, in the database ``scope`` when one is given."""
    return _params({"role": role_name}, {"scope": scope})


def access_provider(access_provider_name: Any, scope: Any = None) -> _Expr:
    """Return a reference to an access provider by its name, in the database ``scope`` when one is given."""
    return _params({"access_provider": access_provider_name}, {"scope": scope})


# Values


def equals(*values: Any) -> _Expr:
    """Return whether all values are equal."""
    return _Expr({"equals": _raw(_varargs(values))})


@deprecated("use `contains_path` instead.")
def contains(path: Any, in_: Any) -> _Expr:
    """Return whether an object or array has a value at a path."""
    return _Expr({"contains": _raw(path), "in": _raw(in_)})


def contains_path(path: Any, in_: Any) -> _Expr:
    """Return whether an object or array has a value at a path."""
    return _Expr({"contains_path": _raw(path), "in": _raw(in_)})


def contains_field(field: Any, in_: Any) -> _Expr:
    """Return whether an object has a field."""
    return _Expr({"contains_field": _raw(field), "in": _raw(in_)})


def contains_value(value: Any, in_: Any) -> _Expr:
    """Return whether an object, array, page or set contains a value."""
    return _Expr({"contains_value": _raw(value), "in": _raw(in_)})


def select(path: Any, from_: Any, default: Any = _NO_DEFAULT) -> _Expr:
    """Return the value at a path of keys and indexes; ``default`` (``None`` included) when there is none."""
    form = {"select": _raw(path), "from": _raw(from_)}
    if default is not _NO_DEFAULT:
        form["default"] = _raw(default)
    return _Expr(form)


@deprecated("Use `select` instead")
def select_with_default(path: Any, from_: Any, default: Any) -> _Expr:
    """Return the value at a path of keys and indexes, or ``default``."""
    return _Expr({"select": _raw(path), "from": _raw(from_), "default": _raw(default)})


def select_all(path: Any, from_: Any) -> _Expr:
    """Return all values at a path that arrays on the way multiply."""
    return _Expr({"select_all": _raw(path), "from": _raw(from_)})


# Numbers


def add(*numbers: Any) -> _Expr:
    """Return the sum."""
    return _Expr({"add": _raw(_varargs(numbers))})


def multiply(*numbers: Any) -> _Expr:
    """Return the product."""
    return _Expr({"multiply": _raw(_varargs(numbers))})


def subtract(*numbers: Any) -> _Expr:
    """Return the first number less all others."""
    return _Expr({"subtract": _raw(_varargs(numbers))})


def divide(*numbers: Any) -> _Expr:
    """Return the first number divided by all others."""
    return _Expr({"divide": _raw(_varargs(numbers))})


def pow(base: Any, exp: Any) -> _Expr:
    """Return a number to a power."""
    return _Expr({"pow": _raw(base), "exp": _raw(exp)})


def max(*numbers: Any) -> _Expr:
    """Return the greatest value, of arguments or of one array, page or set."""
    return _Expr({"max": _raw(_varargs(numbers))})


def min(*numbers: Any) -> _Expr:
    """Return the least value, of arguments or of one array, page or set."""
    return _Expr({"min": _raw(_varargs(numbers))})


def abs(num: Any) -> _Expr:
    """Return the absolute value."""
    return _Expr({"abs": _raw(num)})


def trunc(num: Any, precision: Any = None) -> _Expr:
    """Return a number cut off after ``precision`` decimals (by default 2)."""
    return _params({"trunc": num}, {"precision": precision})


def bitor(*numbers: Any) -> _Expr:
    """Return the bitwise or."""
    return _Expr({"bitor": _raw(_varargs(numbers))})


def cosh(num: Any) -> _Expr:
    """Return the hyperbolic cosine."""
    return _Expr({"cosh": _raw(num)})


def hypot(num: Any, b: Any) -> _Expr:
    """Return the hypotenuse of a right-angled triangle."""
    return _Expr({"hypot": _raw(num), "b": _raw(b)})


def atan(num: Any) -> _Expr:
    """Return the arc tangent, in radians."""
    return _Expr({"atan": _raw(num)})


def log(num: Any) -> _Expr:
    """Return the logarithm to base 10."""
    return _Expr({"log": _raw(num)})


def bitnot(*num: Any) -> _Expr:
    """Return the bitwise complement."""
    return _Expr({"bitnot": _raw(_varargs(num))})


def bitxor(*num: Any) -> _Expr:
    """Return the bitwise exclusive or."""
    return _Expr({"bitxor": _raw(_varargs(num))})


def bitand(*num: Any) -> _Expr:
    """Return the bitwise and."""
    return _Expr({"bitand": _raw(_varargs(num))})


def ceil(num: Any) -> _Expr:
    """Return the least integer that is not less."""
    return _Expr({"ceil": _raw(num)})


def degrees(num: Any) -> _Expr:
    """Return radians as degrees."""
    return _Expr({"degrees": _raw(num)})


def cos(num: Any) -> _Expr:
    """Return the cosine."""
    return _Expr({"cos": _raw(num)})


def acos(num: Any) -> _Expr:
    """Return the arc cosine, in radians."""
    return _Expr({"acos": _raw(num)})


def sqrt(num: Any) -> _Expr:
    """Return the square root."""
    return _Expr({"sqrt": _raw(num)})


def tan(num: Any) -> _Expr:
    """Return the tangent."""
    return _Expr({"tan": _raw(num)})


def tanh(num: Any) -> _Expr:
    """Return the hyperbolic tangent."""
    return _Expr({"tanh": _raw(num)})


def sin(num: Any) -> _Expr:
    """Return the sine."""
    return _Expr({"sin": _raw(num)})


def asin(num: Any) -> _Expr:
    """Return the arc sine, in radians."""
    return _Expr({"asin": _raw(num)})


def round(num: Any, precision: Any = None) -> _Expr:
    """Return a number rounded to ``precision`` decimals (by default 2)."""
    return _params({"round": num}, {"precision": precision})


def radians(num: Any) -> _Expr:
    """Return degrees as radians."""
    return _Expr({"radians": _raw(num)})


def floor(num: Any) -> _Expr:
    """Return the greatest integer that is not greater."""
    return _Expr({"floor": _raw(num)})


def sign(num: Any) -> _Expr:
    """Return -1, 0 or 1."""
    return _Expr({"sign": _raw(num)})


def exp(num: Any) -> _Expr:
    """Return e to a power."""
    return _Expr({"exp": _raw(num)})


def ln(num: Any) -> _Expr:
    """Return the natural logarithm."""
    return _Expr({"ln": _raw(num)})


def any(collection: Any) -> _Expr:
    """Return whether any element is true."""
    return _Expr({"any": _raw(collection)})


def all(collection: Any) -> _Expr:
    """Return whether all elements are true."""
    return _Expr({"all": _raw(collection)})


def modulo(*numbers: Any) -> _Expr:
    """Return the remainder of the first number divided by all others."""
    return _Expr({"modulo": _raw(_varargs(numbers))})


def count(collection: Any) -> _Expr:
    """Return the number of elements."""
    return _Expr({"count": _raw(collection)})


def sum(collection: Any) -> _Expr:
    """Return the sum of the elements."""
    return _Expr({"sum": _raw(collection)})


def mean(collection: Any) -> _Expr:
    """Return the mean of the elements (a double)."""
    return _Expr({"mean": _raw(collection)})


# Comparisons and logic


def lt(*values: Any) -> _Expr:
    """Return whether each value is less than the next."""
    return _Expr({"lt": _raw(_varargs(values))})


def lte(*values: Any) -> _Expr:
    """Return whether each value is less than or equal to the next."""
    return _Expr({"lte": _raw(_varargs(values))})


def gt(*values: Any) -> _Expr:
    """Return whether each value is greater than the next."""
    return _Expr({"gt": _raw(_varargs(values))})


def gte(*values: Any) -> _Expr:
    """Return whether each value is greater than or equal to the next."""
    return _Expr({"gte": _raw(_varargs(values))})


@deprecated("use and_ instead")
def and_expr(*booleans: Any) -> _Expr:
    """Return whether all booleans are true; stops at the first that is not."""
    return _Expr({"and": _raw(_varargs(booleans))})


def and_(*booleans: Any) -> _Expr:
    """Return whether all booleans are true; stops at the first that is not."""
    return _Expr({"and": _raw(_varargs(booleans))})


@deprecated("use or_ instead")
def or_expr(*booleans: Any) -> _Expr:
    """Return whether any boolean is true; stops at the first that is."""
    return _Expr({"or": _raw(_varargs(booleans))})


def or_(*booleans: Any) -> _Expr:
    """Return whether any boolean is true; stops at the first that is."""
    return _Expr({"or": _raw(_varargs(booleans))})


@deprecated("use not_ instead")
def not_expr(boolean: Any) -> _Expr:
    """Return the opposite boolean."""
    return _Expr({"not": _raw(boolean)})


def not_(boolean: Any) -> _Expr:
    """Return the opposite boolean."""
    return _Expr({"not": _raw(boolean)})


# Conversions


def to_string(expr: Any) -> _Expr:
    """Return a value as a string."""
    return _Expr({"to_string": _raw(expr)})


def to_array(expr: Any) -> _Expr:
    """Return a value as an array (of key and value pairs, for an object)."""
    return _Expr({"to_array": _raw(expr)})


def to_object(expr: Any) -> _Expr:
    """Return a value as an object, of an array of key and value pairs."""
    return _Expr({"to_object": _raw(expr)})


def to_double(expr: Any) -> _Expr:
    """Return a value as a double."""
    return _Expr({"to_double": _raw(expr)})


def to_integer(expr: Any) -> _Expr:
    """Return a value as an integer."""
    return _Expr({"to_integer": _raw(expr)})


def to_number(expr: Any) -> _Expr:
    """Return a value as a number."""
    return _Expr({"to_number": _raw(expr)})


def to_time(expr: Any) -> _Expr:
    """Return a value as a time."""
    return _Expr({"to_time": _raw(expr)})


def to_seconds(expr: Any) -> _Expr:
    """Return, of a time: seconds since the epoch."""
    return _Expr({"to_seconds": _raw(expr)})


def to_millis(expr: Any) -> _Expr:
    """Return, of a time: milliseconds since the epoch."""
    return _Expr({"to_millis": _raw(expr)})


def to_micros(expr: Any) -> _Expr:
    """Return, of a time: microseconds since the epoch."""
    return _Expr({"to_micros": _raw(expr)})


def day_of_month(expr: Any) -> _Expr:
    """Return, of a time: its day of the month (1 to 31)."""
    return _Expr({"day_of_month": _raw(expr)})


def day_of_week(expr: Any) -> _Expr:
    """Return, of a time: its day of the week (1 is Monday, 7 is Sunday)."""
    return _Expr({"day_of_week": _raw(expr)})


def day_of_year(expr: Any) -> _Expr:
    """Return, of a time: its day of the year (1 to 366)."""
    return _Expr({"day_of_year": _raw(expr)})


def year(expr: Any) -> _Expr:
    """Return, of a time: its year."""
    return _Expr({"year": _raw(expr)})


def month(expr: Any) -> _Expr:
    """Return, of a time: its month (1 to 12)."""
    return _Expr({"month": _raw(expr)})


def hour(expr: Any) -> _Expr:
    """Return, of a time: its hour (0 to 23)."""
    return _Expr({"hour": _raw(expr)})


def minute(expr: Any) -> _Expr:
    """Return, of a time: its minute (0 to 59)."""
    return _Expr({"minute": _raw(expr)})


def second(expr: Any) -> _Expr:
    """Return, of a time: its second (0 to 59)."""
    return _Expr({"second": _raw(expr)})


def to_date(expr: Any) -> _Expr:
    """Return a value as a date."""
    return _Expr({"to_date": _raw(expr)})
