"""FQL v4 as Python functions: each builds an expression that :meth:`faunadb.client.FaunaClient.query` sends.

Arguments are expressions or plain Python values, which are wrapped: a ``dict`` becomes an FQL object, a
``list`` or ``tuple`` an array, and a Python ``lambda`` an FQL lambda with the same parameter names. Optional
arguments that are ``None`` are left out of the query. In type hints, :class:`Expr` is an expression and ``ExprArg``
is anything that can be wrapped. Building an expression sends nothing: the database evaluates it when the query runs,
and reports errors then. "Return" and "evaluate" in the docstrings below speak of that evaluation.

All functions are defined in this module itself, family by family, so that ``help``, tracebacks, ``inspect`` and pickles name
the module that applications import. The FQL reference has a page with examples for each of them.

:raises faunadb.errors.UnexpectedError: From any function here, when an argument cannot be sent: an integer
    beyond 64 bits, NaN or infinity, an object with keys that JSON cannot write, a structure that contains
    itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable, Union, overload

from faunadb._expressions import Expr as Expr
from faunadb._expressions import ExprArg as ExprArg
from faunadb._expressions import _Expr as _Expr
from faunadb._expressions import _fn as _fn
from faunadb._expressions import _params as _params
from faunadb._expressions import _raw, _raw_function, _with_one
from faunadb._expressions import _varargs as _varargs
from faunadb._expressions import _wrap as _wrap
from faunadb._expressions import _wrap_values as _wrap_values
from faunadb.deprecated import deprecated

# Many functions below have the names of FQL's functions and hide Python's: abs, all, any, format, max, min, pow,
# range, round, sum. Code in this module must not mean Python's by those names.

# The default of an argument that may be ``None``, to tell whether it was given.
_NO_DEFAULT: Any = object()


class LetBindings:
    """Variables of a ``let`` that still lacks its expression: see :func:`let`."""

    def __init__(self, bindings: Iterable[Mapping[str, Any]]) -> None:
        self._bindings = [dict(binding) for binding in bindings]

    def in_(self, in_expr: ExprArg) -> Expr:
        """Return the ``let`` whose value is ``in_expr``, which may use the variables."""
        return Expr({"let": _raw([_fn(binding) for binding in self._bindings]), "in": _raw(in_expr)})


# Basic forms


def abort(msg: ExprArg) -> Expr:
    """Abort the transaction with a message; the query fails with code ``transaction aborted``."""
    return Expr({"abort": _raw(msg)})


def at(timestamp: ExprArg, expr: ExprArg) -> Expr:
    """Evaluate reads in ``expr`` as of a time (a time expression, or microseconds since the epoch)."""
    return Expr({"at": _raw(timestamp), "expr": _raw(expr)})


_Bindings = Union[Mapping[str, Any], list[Any], tuple[Any, ...]]


@overload
def let(bindings: _Bindings, in_expr: ExprArg, /) -> Expr: ...


@overload
def let(bindings: _Bindings, /) -> LetBindings: ...


@overload
def let(**bindings: ExprArg) -> LetBindings: ...


def let(*args: Any, **kwargs: Any) -> Union[Expr, LetBindings]:
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
    if len(args) == 2 and type(args[0]) is dict:  # the usual way, without the steps between
        return Expr({"let": [{name: _raw(value)} for name, value in args[0].items()], "in": _raw(args[1])})
    bindings = LetBindings(_single_bindings(args[0]))
    return bindings if len(args) == 1 else bindings.in_(args[1])


def _single_bindings(bindings: Any) -> list[dict[str, Any]]:
    """Return a dict for each binding. A query has them as a list, because their order matters."""
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


def var(var_name: ExprArg) -> Expr:
    """Return the value of a variable that ``let`` or a lambda binds."""
    return Expr({"var": _raw(var_name)})


@deprecated("use if_ instead")
def if_expr(condition: ExprArg, then: ExprArg, else_: ExprArg) -> Expr:
    """Evaluate ``then`` or ``else_``, as a boolean condition says."""
    return Expr({"if": _raw(condition), "then": _raw(then), "else": _raw(else_)})


def if_(condition: ExprArg, then: ExprArg, else_: ExprArg) -> Expr:
    """Evaluate ``then`` or ``else_``, as a boolean condition says."""
    return Expr({"if": _raw(condition), "then": _raw(then), "else": _raw(else_)})


def do(*expressions: ExprArg) -> Expr:
    """Evaluate expressions one after another and return the value of the last."""
    return Expr({"do": _raw(expressions)})


def lambda_query(func: Callable[..., Any]) -> Expr:
    """Turn a Python function into an FQL lambda with the same parameter names, by calling it with variables.

    ``lambda a: add(a, a)`` becomes ``lambda_("a", add(var("a"), var("a")))``; a function of several
    parameters becomes a lambda that takes an array.

    :raises ValueError: When the function has no parameter, or has parameters with default values, ``*args``,
        ``**kwargs`` or keyword-only parameters.
    """
    return Expr(_raw_function(func))


@deprecated("use lambda_ instead")
def lambda_expr(var_name_or_pattern: ExprArg, expr: ExprArg) -> Expr:
    """Return a lambda: a parameter name (``"_"`` to ignore it) or a list of them, and its body."""
    return Expr({"lambda": _raw(var_name_or_pattern), "expr": _raw(expr)})


def lambda_(var_name_or_pattern: ExprArg, expr: ExprArg) -> Expr:
    """Return a lambda: a parameter name (``"_"`` to ignore it) or a list of them, and its body."""
    return Expr({"lambda": _raw(var_name_or_pattern), "expr": _raw(expr)})


def call(ref_: ExprArg, *arguments: ExprArg) -> Expr:
    """Call a user function with arguments."""
    return Expr({"call": _raw(ref_), "arguments": _raw(_varargs(arguments))})


def query(_lambda: ExprArg) -> Expr:
    """Return a lambda as a value, for instance as the body of a function. Takes a Python or an FQL lambda."""
    return Expr({"query": _raw(_lambda)})


# Arrays, pages and sets


@deprecated("use map_ instead")
def map_expr(expr: ExprArg, collection: ExprArg) -> Expr:
    """Return what ``expr`` (a lambda) makes of each element of an array or page."""
    return Expr({"map": _raw(expr), "collection": _raw(collection)})


def map_(expr: ExprArg, collection: ExprArg) -> Expr:
    """Return what ``expr`` (a lambda) makes of each element of an array or page."""
    return Expr({"map": _raw(expr), "collection": _raw(collection)})


def foreach(expr: ExprArg, collection: ExprArg) -> Expr:
    """Evaluate ``expr`` (a lambda) for each element of an array or page, and return the array or page."""
    return Expr({"foreach": _raw(expr), "collection": _raw(collection)})


@deprecated("use filter_ instead")
def filter_expr(expr: ExprArg, collection: ExprArg) -> Expr:
    """Return the elements of an array, page or set for which ``expr`` (a lambda) gives true."""
    return Expr({"filter": _raw(expr), "collection": _raw(collection)})


def filter_(expr: ExprArg, collection: ExprArg) -> Expr:
    """Return the elements of an array, page or set for which ``expr`` (a lambda) gives true."""
    return Expr({"filter": _raw(expr), "collection": _raw(collection)})


def reduce(lambda_: ExprArg, initial: ExprArg, collection: ExprArg) -> Expr:
    """Combine all elements with a lambda of accumulator and element."""
    return Expr({"reduce": _raw(lambda_), "initial": _raw(initial), "collection": _raw(collection)})


def take(number: ExprArg, collection: ExprArg) -> Expr:
    """Return the first ``number`` elements."""
    return Expr({"take": _raw(number), "collection": _raw(collection)})


def drop(number: ExprArg, collection: ExprArg) -> Expr:
    """Return all but the first ``number`` elements."""
    return Expr({"drop": _raw(number), "collection": _raw(collection)})


def prepend(elements: ExprArg, collection: ExprArg) -> Expr:
    """Return an array with ``elements`` in front."""
    return Expr({"prepend": _raw(elements), "collection": _raw(collection)})


def append(elements: ExprArg, collection: ExprArg) -> Expr:
    """Return an array with ``elements`` at the end."""
    return Expr({"append": _raw(elements), "collection": _raw(collection)})


def is_empty(collection: ExprArg) -> Expr:
    """Return whether an array, page or set has no elements."""
    return Expr({"is_empty": _raw(collection)})


def is_nonempty(collection: ExprArg) -> Expr:
    """Return whether an array, page or set has elements."""
    return Expr({"is_nonempty": _raw(collection)})


def any(collection: ExprArg) -> Expr:
    """Return whether any element is true."""
    return Expr({"any": _raw(collection)})


def all(collection: ExprArg) -> Expr:
    """Return whether all elements are true."""
    return Expr({"all": _raw(collection)})


def count(collection: ExprArg) -> Expr:
    """Return the number of elements."""
    return Expr({"count": _raw(collection)})


def sum(collection: ExprArg) -> Expr:
    """Return the sum of the elements."""
    return Expr({"sum": _raw(collection)})


def mean(collection: ExprArg) -> Expr:
    """Return the mean of the elements (a double)."""
    return Expr({"mean": _raw(collection)})


def max(*numbers: ExprArg) -> Expr:
    """Return the greatest value, of arguments or of one array, page or set."""
    return Expr({"max": _raw(_varargs(numbers))})


def min(*numbers: ExprArg) -> Expr:
    """Return the least value, of arguments or of one array, page or set."""
    return Expr({"min": _raw(_varargs(numbers))})


def reverse(set_array_or_page: ExprArg) -> Expr:
    """Return an array, page or set in reverse order."""
    return Expr({"reverse": _raw(set_array_or_page)})


# Objects and paths


def select(path: ExprArg, from_: ExprArg, default: ExprArg = _NO_DEFAULT) -> Expr:
    """Return the value at a path of keys and indexes; ``default`` (``None`` included) when there is none."""
    form = {"select": _raw(path), "from": _raw(from_)}
    if default is not _NO_DEFAULT:
        form["default"] = _raw(default)
    return Expr(form)


@deprecated("Use `select` instead")
def select_with_default(path: ExprArg, from_: ExprArg, default: ExprArg) -> Expr:
    """Return the value at a path of keys and indexes, or ``default``."""
    return Expr({"select": _raw(path), "from": _raw(from_), "default": _raw(default)})


def select_all(path: ExprArg, from_: ExprArg) -> Expr:
    """Return all values at a path; where the path meets an array, it goes on in each of its elements."""
    return Expr({"select_all": _raw(path), "from": _raw(from_)})


@deprecated("use `contains_path` instead.")
def contains(path: ExprArg, in_: ExprArg) -> Expr:
    """Return whether an object or array has a value at a path."""
    return Expr({"contains": _raw(path), "in": _raw(in_)})


def contains_path(path: ExprArg, in_: ExprArg) -> Expr:
    """Return whether an object or array has a value at a path."""
    return Expr({"contains_path": _raw(path), "in": _raw(in_)})


def contains_field(field: ExprArg, in_: ExprArg) -> Expr:
    """Return whether an object has a field."""
    return Expr({"contains_field": _raw(field), "in": _raw(in_)})


def contains_value(value: ExprArg, in_: ExprArg) -> Expr:
    """Return whether an object, array, page or set contains a value."""
    return Expr({"contains_value": _raw(value), "in": _raw(in_)})


def merge(merge: ExprArg, with_: ExprArg, lambda_: ExprArg = None) -> Expr:
    """Return an object merged with others; a lambda of key and both values decides conflicts."""
    return _params({"merge": merge, "with": with_}, {"lambda": lambda_})


# Type checks


def is_number(expr: ExprArg) -> Expr:
    """Return whether a value is a number."""
    return Expr({"is_number": _raw(expr)})


def is_double(expr: ExprArg) -> Expr:
    """Return whether a value is a double."""
    return Expr({"is_double": _raw(expr)})


def is_integer(expr: ExprArg) -> Expr:
    """Return whether a value is an integer."""
    return Expr({"is_integer": _raw(expr)})


def is_boolean(expr: ExprArg) -> Expr:
    """Return whether a value is a boolean."""
    return Expr({"is_boolean": _raw(expr)})


def is_null(expr: ExprArg) -> Expr:
    """Return whether a value is null."""
    return Expr({"is_null": _raw(expr)})


def is_bytes(expr: ExprArg) -> Expr:
    """Return whether a value is bytes."""
    return Expr({"is_bytes": _raw(expr)})


def is_timestamp(expr: ExprArg) -> Expr:
    """Return whether a value is a time."""
    return Expr({"is_timestamp": _raw(expr)})


def is_date(expr: ExprArg) -> Expr:
    """Return whether a value is a date."""
    return Expr({"is_date": _raw(expr)})


def is_string(expr: ExprArg) -> Expr:
    """Return whether a value is a string."""
    return Expr({"is_string": _raw(expr)})


def is_array(expr: ExprArg) -> Expr:
    """Return whether a value is an array."""
    return Expr({"is_array": _raw(expr)})


def is_object(expr: ExprArg) -> Expr:
    """Return whether a value is an object."""
    return Expr({"is_object": _raw(expr)})


def is_ref(expr: ExprArg) -> Expr:
    """Return whether a value is a reference."""
    return Expr({"is_ref": _raw(expr)})


def is_set(expr: ExprArg) -> Expr:
    """Return whether a value is a set."""
    return Expr({"is_set": _raw(expr)})


def is_doc(expr: ExprArg) -> Expr:
    """Return whether a value is a document."""
    return Expr({"is_doc": _raw(expr)})


def is_lambda(expr: ExprArg) -> Expr:
    """Return whether a value is a lambda."""
    return Expr({"is_lambda": _raw(expr)})


def is_collection(expr: ExprArg) -> Expr:
    """Return whether a value is a reference to a collection."""
    return Expr({"is_collection": _raw(expr)})


def is_database(expr: ExprArg) -> Expr:
    """Return whether a value is a reference to a database."""
    return Expr({"is_database": _raw(expr)})


def is_index(expr: ExprArg) -> Expr:
    """Return whether a value is a reference to an index."""
    return Expr({"is_index": _raw(expr)})


def is_function(expr: ExprArg) -> Expr:
    """Return whether a value is a reference to a user function."""
    return Expr({"is_function": _raw(expr)})


def is_key(expr: ExprArg) -> Expr:
    """Return whether a value is a reference to a key."""
    return Expr({"is_key": _raw(expr)})


def is_token(expr: ExprArg) -> Expr:
    """Return whether a value is a reference to a token."""
    return Expr({"is_token": _raw(expr)})


def is_credentials(expr: ExprArg) -> Expr:
    """Return whether a value is a reference to credentials."""
    return Expr({"is_credentials": _raw(expr)})


def is_role(expr: ExprArg) -> Expr:
    """Return whether a value is a reference to a role."""
    return Expr({"is_role": _raw(expr)})


# Reads


def get(ref_: ExprArg, ts: ExprArg = None) -> Expr:
    """Return a document, or the first of a set; at time ``ts`` when given."""
    return _with_one("get", ref_, "ts", ts)


def key_from_secret(secret: ExprArg) -> Expr:
    """Return the key that a secret belongs to."""
    return Expr({"key_from_secret": _raw(secret)})


def paginate(
    set: ExprArg,
    size: ExprArg = None,
    ts: ExprArg = None,
    after: ExprArg = None,
    before: ExprArg = None,
    events: ExprArg = None,
    sources: ExprArg = None,
) -> Expr:
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


def exists(ref_: ExprArg, ts: ExprArg = None) -> Expr:
    """Return whether a document exists, or a set has elements; at time ``ts`` when given."""
    return _with_one("exists", ref_, "ts", ts)


# Writes


def create(collection_ref: ExprArg, params: ExprArg) -> Expr:
    """Create a document and return it."""
    return Expr({"create": _raw(collection_ref), "params": _raw(params)})


def update(ref_: ExprArg, params: ExprArg) -> Expr:
    """Merge ``params`` into a document and return it."""
    return Expr({"update": _raw(ref_), "params": _raw(params)})


def replace(ref_: ExprArg, params: ExprArg) -> Expr:
    """Replace what a document holds and return it."""
    return Expr({"replace": _raw(ref_), "params": _raw(params)})


def delete(ref_: ExprArg) -> Expr:
    """Delete a document and return what it was."""
    return Expr({"delete": _raw(ref_)})


def insert(ref_: ExprArg, ts: ExprArg, action: ExprArg, params: ExprArg) -> Expr:
    """Add a version to a document's history."""
    return Expr({"insert": _raw(ref_), "ts": _raw(ts), "action": _raw(action), "params": _raw(params)})


def remove(ref_: ExprArg, ts: ExprArg, action: ExprArg) -> Expr:
    """Remove a version from a document's history."""
    return Expr({"remove": _raw(ref_), "ts": _raw(ts), "action": _raw(action)})


@deprecated("use create_collection instead")
def create_class(class_params: ExprArg) -> Expr:
    """Create a collection and return its document."""
    return Expr({"create_class": _raw(class_params)})


def create_collection(collection_params: ExprArg) -> Expr:
    """Create a collection and return its document."""
    return Expr({"create_collection": _raw(collection_params)})


def create_database(db_params: ExprArg) -> Expr:
    """Create a database and return its document."""
    return Expr({"create_database": _raw(db_params)})


def create_index(index_params: ExprArg) -> Expr:
    """Create an index and return its document."""
    return Expr({"create_index": _raw(index_params)})


def create_function(func_params: ExprArg) -> Expr:
    """Create a user function and return its document."""
    return Expr({"create_function": _raw(func_params)})


def create_role(func_params: ExprArg) -> Expr:
    """Create a role and return its document."""
    return Expr({"create_role": _raw(func_params)})


def create_access_provider(provider_params: ExprArg) -> Expr:
    """Create an access provider and return its document."""
    return Expr({"create_access_provider": _raw(provider_params)})


def create_key(key_params: ExprArg) -> Expr:
    """Create a key and return its document, the only one that shows the ``secret``."""
    return Expr({"create_key": _raw(key_params)})


def move_database(from_: ExprArg, to: ExprArg) -> Expr:
    """Move a database into another one."""
    return Expr({"move_database": _raw(from_), "to": _raw(to)})


# Sets


def documents(collections: ExprArg) -> Expr:
    """Return the set of all documents of a collection."""
    return Expr({"documents": _raw(collections)})


def singleton(ref_: ExprArg) -> Expr:
    """Return the set that holds one document."""
    return Expr({"singleton": _raw(ref_)})


def events(ref_set: ExprArg) -> Expr:
    """Return the history of a document or set."""
    return Expr({"events": _raw(ref_set)})


def match(index: ExprArg, *terms: ExprArg) -> Expr:
    """Return the set of an index's entries for these terms."""
    form = {"match": _raw(index)}
    if terms:
        form["terms"] = _raw(_varargs(terms))
    return Expr(form)


def union(*sets: ExprArg) -> Expr:
    """Return the elements of any of the sets (or arrays, or pages)."""
    return Expr({"union": _raw(_varargs(sets))})


def intersection(*sets: ExprArg) -> Expr:
    """Return the elements of all of the sets (or arrays, or pages)."""
    return Expr({"intersection": _raw(_varargs(sets))})


def difference(*sets: ExprArg) -> Expr:
    """Return the elements of the first set (or array, or page) that are in none of the others."""
    return Expr({"difference": _raw(_varargs(sets))})


def distinct(set: ExprArg) -> Expr:
    """Return each element of a set, array or page once."""
    return Expr({"distinct": _raw(set)})


def join(source: ExprArg, target: ExprArg) -> Expr:
    """Return the union of what ``target`` (a lambda or an index) gives for each element."""
    return Expr({"join": _raw(source), "with": _raw(target)})


def range(set: ExprArg, from_: ExprArg, to: ExprArg) -> Expr:
    """Return the elements of a set (or array, or page) between two bounds, which are included."""
    return Expr({"range": _raw(set), "from": _raw(from_), "to": _raw(to)})


# Authentication


def login(ref_: ExprArg, params: ExprArg) -> Expr:
    """Create a token for a document, given its password, and return it with its ``secret``."""
    return Expr({"login": _raw(ref_), "params": _raw(params)})


def logout(delete_tokens: ExprArg) -> Expr:
    """Delete the token in use, or all tokens of its document when the argument is true."""
    return Expr({"logout": _raw(delete_tokens)})


def identify(ref_: ExprArg, password: ExprArg) -> Expr:
    """Return whether a password is that of a document."""
    return Expr({"identify": _raw(ref_), "password": _raw(password)})


@deprecated("Use `current_identity` instead")
def identity() -> Expr:
    """Return the document that the secret belongs to."""
    return Expr({"identity": None})


def current_identity() -> Expr:
    """Return a reference to the document that the secret belongs to."""
    return Expr({"current_identity": None})


def has_current_identity() -> Expr:
    """Return whether the secret belongs to a document."""
    return Expr({"has_current_identity": None})


def current_token() -> Expr:
    """Return a reference to the token or key in use, or the claims of a JWT."""
    return Expr({"current_token": None})


def has_current_token() -> Expr:
    """Return whether the secret is a token or key."""
    return Expr({"has_current_token": None})


def has_identity() -> Expr:
    """Return whether the secret belongs to a document."""
    return Expr({"has_identity": None})


# Strings


def format(string: ExprArg, *values: ExprArg) -> Expr:
    """Return a text in which ``%s``, ``%d`` and so on are replaced by values."""
    return Expr({"format": _raw(string), "values": _raw(_varargs(values))})


def concat(strings: ExprArg, separator: ExprArg = None) -> Expr:
    """Return strings joined, with a separator between them."""
    return _params({"concat": strings}, {"separator": separator})


def casefold(string: ExprArg, normalizer: ExprArg = None) -> Expr:
    """Return a string folded for comparing without case, and normalized (by default as ``NFKCCaseFold``)."""
    return _params({"casefold": string}, {"normalizer": normalizer})


def starts_with(value: ExprArg, search: ExprArg) -> Expr:
    """Return whether a string starts with another."""
    return Expr({"startswith": _raw(value), "search": _raw(search)})


def ends_with(value: ExprArg, search: ExprArg) -> Expr:
    """Return whether a string ends with another."""
    return Expr({"endswith": _raw(value), "search": _raw(search)})


def contains_str(value: ExprArg, search: ExprArg) -> Expr:
    """Return whether a string contains another."""
    return Expr({"containsstr": _raw(value), "search": _raw(search)})


def contains_str_regex(value: ExprArg, pattern: ExprArg) -> Expr:
    """Return whether a regular expression matches somewhere in a string."""
    return Expr({"containsstrregex": _raw(value), "pattern": _raw(pattern)})


def regex_escape(value: ExprArg) -> Expr:
    """Return a regular expression that matches a string as it is."""
    return Expr({"regexescape": _raw(value)})


def ngram(terms: ExprArg, min: ExprArg = None, max: ExprArg = None) -> Expr:
    """Return all substrings of ``min`` to ``max`` characters (by default 1 to 2)."""
    return _params({"ngram": terms}, {"min": min, "max": max})


def find_str(value: ExprArg, find: ExprArg, start: ExprArg = None) -> Expr:
    """Return where a string contains another, -1 for nowhere."""
    return _params({"findstr": value, "find": find}, {"start": start})


def find_str_regex(
    value: ExprArg, pattern: ExprArg, start: ExprArg = None, numResults: ExprArg = None
) -> Expr:
    """Return where and what a regular expression matches, at most ``numResults`` times."""
    return _params({"findstrregex": value, "pattern": pattern}, {"start": start, "num_results": numResults})


def replace_str(value: ExprArg, find: ExprArg, replace: ExprArg) -> Expr:
    """Return a string with all occurrences of ``find`` replaced."""
    return Expr({"replacestr": _raw(value), "find": _raw(find), "replace": _raw(replace)})


def replace_str_regex(value: ExprArg, pattern: ExprArg, replace: ExprArg, first: ExprArg = None) -> Expr:
    """Return a string with all (or the first) matches of a regular expression replaced."""
    return _params({"replacestrregex": value, "pattern": pattern, "replace": replace}, {"first": first})


def length(value: ExprArg) -> Expr:
    """Return the number of characters of a string."""
    return Expr({"length": _raw(value)})


def lowercase(value: ExprArg) -> Expr:
    """Return a string in lower case."""
    return Expr({"lowercase": _raw(value)})


def uppercase(value: ExprArg) -> Expr:
    """Return a string in upper case."""
    return Expr({"uppercase": _raw(value)})


def titlecase(value: ExprArg) -> Expr:
    """Return a string with each word capitalized."""
    return Expr({"titlecase": _raw(value)})


def trim(value: ExprArg) -> Expr:
    """Return a string without white space at both ends."""
    return Expr({"trim": _raw(value)})


def ltrim(value: ExprArg) -> Expr:
    """Return a string without white space at its start."""
    return Expr({"ltrim": _raw(value)})


def rtrim(value: ExprArg) -> Expr:
    """Return a string without white space at its end."""
    return Expr({"rtrim": _raw(value)})


def space(count: ExprArg) -> Expr:
    """Return a string of ``count`` spaces."""
    return Expr({"space": _raw(count)})


def substring(value: ExprArg, start: ExprArg, length: ExprArg = None) -> Expr:
    """Return part of a string, from an index on."""
    return _params({"substring": value, "start": start}, {"length": length})


def repeat(value: ExprArg, number: ExprArg = None) -> Expr:
    """Return a string repeated ``number`` times (by default 2)."""
    return _params({"repeat": value}, {"number": number})


# Times and dates


def time(string: ExprArg) -> Expr:
    """Return the time of an ISO 8601 string; ``"now"`` is the time of the transaction."""
    return Expr({"time": _raw(string)})


def epoch(number: ExprArg, unit: ExprArg) -> Expr:
    """Return the time ``number`` units (``"second"`` ... ``"nanosecond"``) after 1970-01-01T00:00:00Z."""
    return Expr({"epoch": _raw(number), "unit": _raw(unit)})


def now() -> Expr:
    """Return the time of the transaction."""
    return Expr({"now": None})


def date(string: ExprArg) -> Expr:
    """Return the date of an ISO 8601 string."""
    return Expr({"date": _raw(string)})


def time_add(base: ExprArg, offset: ExprArg, unit: ExprArg) -> Expr:
    """Return a time or date moved forward."""
    return Expr({"time_add": _raw(base), "offset": _raw(offset), "unit": _raw(unit)})


def time_subtract(base: ExprArg, offset: ExprArg, unit: ExprArg) -> Expr:
    """Return a time or date moved backward."""
    return Expr({"time_subtract": _raw(base), "offset": _raw(offset), "unit": _raw(unit)})


def time_diff(start: ExprArg, finish: ExprArg, unit: ExprArg) -> Expr:
    """Return the whole units between two times or dates."""
    return Expr({"time_diff": _raw(start), "other": _raw(finish), "unit": _raw(unit)})


# References and ids


def ref(collection_ref: ExprArg, id: ExprArg = None) -> Expr:
    """Return a reference to the document ``id`` of a collection. Without ``id``, from text such as ``"spells/1"``."""
    if id is None:
        return Expr({"@ref": _raw(collection_ref)})
    return Expr({"ref": _raw(collection_ref), "id": _raw(id)})


@deprecated("use new_id instead")
def next_id() -> Expr:
    """Return a new document id."""
    return Expr({"next_id": None})


def new_id() -> Expr:
    """Return a new document id, unique in the whole database."""
    return Expr({"new_id": None})


def database(db_name: ExprArg, scope: ExprArg = None) -> Expr:
    """Return a reference to a database by its name, in the database ``scope`` when one is given."""
    return _with_one("database", db_name, "scope", scope)


def index(index_name: ExprArg, scope: ExprArg = None) -> Expr:
    """Return a reference to an index by its name, in the database ``scope`` when one is given."""
    return _with_one("index", index_name, "scope", scope)


@deprecated("use collection instead")
def class_expr(class_name: ExprArg, scope: ExprArg = None) -> Expr:
    """Return a reference to a collection by its name, in the database ``scope`` when one is given."""
    return _with_one("class", class_name, "scope", scope)


@deprecated("use collection instead")
def class_(class_name: ExprArg, scope: ExprArg = None) -> Expr:
    """Return a reference to a collection by its name, in the database ``scope`` when one is given."""
    return _with_one("class", class_name, "scope", scope)


def collection(collection_name: ExprArg, scope: ExprArg = None) -> Expr:
    """Return a reference to a collection by its name, in the database ``scope`` when one is given."""
    return _with_one("collection", collection_name, "scope", scope)


def function(fn_name: ExprArg, scope: ExprArg = None) -> Expr:
    """Return a reference to a user function by its name, in the database ``scope`` when one is given."""
    return _with_one("function", fn_name, "scope", scope)


def role(role_name: ExprArg, scope: ExprArg = None) -> Expr:
    """Return a reference to a role by its name, in the database ``scope`` when one is given."""
    return _with_one("role", role_name, "scope", scope)


def access_provider(access_provider_name: ExprArg, scope: ExprArg = None) -> Expr:
    """Return a reference to an access provider by its name, in the database ``scope`` when one is given."""
    return _with_one("access_provider", access_provider_name, "scope", scope)


# Native collections


@deprecated("use collections instead")
def classes(scope: ExprArg = None) -> Expr:
    """Return the native collection of collections, of the database ``scope`` when one is given."""
    return Expr({"classes": _raw(scope)})


def collections(scope: ExprArg = None) -> Expr:
    """Return the native collection of collections, of the database ``scope`` when one is given."""
    return Expr({"collections": _raw(scope)})


def databases(scope: ExprArg = None) -> Expr:
    """Return the native collection of databases, of the database ``scope`` when one is given."""
    return Expr({"databases": _raw(scope)})


def indexes(scope: ExprArg = None) -> Expr:
    """Return the native collection of indexes, of the database ``scope`` when one is given."""
    return Expr({"indexes": _raw(scope)})


def functions(scope: ExprArg = None) -> Expr:
    """Return the native collection of user functions, of the database ``scope`` when one is given."""
    return Expr({"functions": _raw(scope)})


def roles(scope: ExprArg = None) -> Expr:
    """Return the native collection of roles, of the database ``scope`` when one is given."""
    return Expr({"roles": _raw(scope)})


def access_providers(scope: ExprArg = None) -> Expr:
    """Return the native collection of access providers, of the database ``scope`` when one is given."""
    return Expr({"access_providers": _raw(scope)})


def keys(scope: ExprArg = None) -> Expr:
    """Return the native collection of keys, of the database ``scope`` when one is given."""
    return Expr({"keys": _raw(scope)})


def tokens(scope: ExprArg = None) -> Expr:
    """Return the native collection of tokens, of the database ``scope`` when one is given."""
    return Expr({"tokens": _raw(scope)})


def credentials(scope: ExprArg = None) -> Expr:
    """Return the native collection of credentials, of the database ``scope`` when one is given."""
    return Expr({"credentials": _raw(scope)})


# Numbers


def add(*numbers: ExprArg) -> Expr:
    """Return the sum."""
    return Expr({"add": _raw(_varargs(numbers))})


def subtract(*numbers: ExprArg) -> Expr:
    """Return the first number less all others."""
    return Expr({"subtract": _raw(_varargs(numbers))})


def multiply(*numbers: ExprArg) -> Expr:
    """Return the product."""
    return Expr({"multiply": _raw(_varargs(numbers))})


def divide(*numbers: ExprArg) -> Expr:
    """Return the first number divided by all others."""
    return Expr({"divide": _raw(_varargs(numbers))})


def modulo(*numbers: ExprArg) -> Expr:
    """Return the remainder of the first number divided by all others."""
    return Expr({"modulo": _raw(_varargs(numbers))})


def pow(base: ExprArg, exp: ExprArg) -> Expr:
    """Return a number to a power."""
    return Expr({"pow": _raw(base), "exp": _raw(exp)})


def abs(num: ExprArg) -> Expr:
    """Return the absolute value."""
    return Expr({"abs": _raw(num)})


def sign(num: ExprArg) -> Expr:
    """Return -1, 0 or 1."""
    return Expr({"sign": _raw(num)})


def ceil(num: ExprArg) -> Expr:
    """Return the least integer that is not less."""
    return Expr({"ceil": _raw(num)})


def floor(num: ExprArg) -> Expr:
    """Return the greatest integer that is not greater."""
    return Expr({"floor": _raw(num)})


def round(num: ExprArg, precision: ExprArg = None) -> Expr:
    """Return a number rounded to ``precision`` decimals (by default 2)."""
    return _params({"round": num}, {"precision": precision})


def trunc(num: ExprArg, precision: ExprArg = None) -> Expr:
    """Return a number cut off after ``precision`` decimals (by default 2)."""
    return _params({"trunc": num}, {"precision": precision})


def sqrt(num: ExprArg) -> Expr:
    """Return the square root."""
    return Expr({"sqrt": _raw(num)})


def hypot(num: ExprArg, b: ExprArg) -> Expr:
    """Return the hypotenuse of a right triangle with legs of these lengths."""
    return Expr({"hypot": _raw(num), "b": _raw(b)})


def exp(num: ExprArg) -> Expr:
    """Return e to a power."""
    return Expr({"exp": _raw(num)})


def ln(num: ExprArg) -> Expr:
    """Return the natural logarithm."""
    return Expr({"ln": _raw(num)})


def log(num: ExprArg) -> Expr:
    """Return the logarithm to base 10."""
    return Expr({"log": _raw(num)})


def degrees(num: ExprArg) -> Expr:
    """Return radians as degrees."""
    return Expr({"degrees": _raw(num)})


def radians(num: ExprArg) -> Expr:
    """Return degrees as radians."""
    return Expr({"radians": _raw(num)})


def sin(num: ExprArg) -> Expr:
    """Return the sine."""
    return Expr({"sin": _raw(num)})


def cos(num: ExprArg) -> Expr:
    """Return the cosine."""
    return Expr({"cos": _raw(num)})


def tan(num: ExprArg) -> Expr:
    """Return the tangent."""
    return Expr({"tan": _raw(num)})


def asin(num: ExprArg) -> Expr:
    """Return the arc sine, in radians."""
    return Expr({"asin": _raw(num)})


def acos(num: ExprArg) -> Expr:
    """Return the arc cosine, in radians."""
    return Expr({"acos": _raw(num)})


def atan(num: ExprArg) -> Expr:
    """Return the arc tangent, in radians."""
    return Expr({"atan": _raw(num)})


def cosh(num: ExprArg) -> Expr:
    """Return the hyperbolic cosine."""
    return Expr({"cosh": _raw(num)})


def tanh(num: ExprArg) -> Expr:
    """Return the hyperbolic tangent."""
    return Expr({"tanh": _raw(num)})


def bitand(*num: ExprArg) -> Expr:
    """Return the bitwise and."""
    return Expr({"bitand": _raw(_varargs(num))})


def bitor(*numbers: ExprArg) -> Expr:
    """Return the bitwise or."""
    return Expr({"bitor": _raw(_varargs(numbers))})


def bitxor(*num: ExprArg) -> Expr:
    """Return the bitwise exclusive or."""
    return Expr({"bitxor": _raw(_varargs(num))})


def bitnot(*num: ExprArg) -> Expr:
    """Return the bitwise complement."""
    return Expr({"bitnot": _raw(_varargs(num))})


# Comparisons and logic


def equals(*values: ExprArg) -> Expr:
    """Return whether all values are equal."""
    return Expr({"equals": _raw(_varargs(values))})


def lt(*values: ExprArg) -> Expr:
    """Return whether each value is less than the next."""
    return Expr({"lt": _raw(_varargs(values))})


def lte(*values: ExprArg) -> Expr:
    """Return whether each value is less than or equal to the next."""
    return Expr({"lte": _raw(_varargs(values))})


def gt(*values: ExprArg) -> Expr:
    """Return whether each value is greater than the next."""
    return Expr({"gt": _raw(_varargs(values))})


def gte(*values: ExprArg) -> Expr:
    """Return whether each value is greater than or equal to the next."""
    return Expr({"gte": _raw(_varargs(values))})


@deprecated("use and_ instead")
def and_expr(*booleans: ExprArg) -> Expr:
    """Return whether all booleans are true; stops at the first that is not."""
    return Expr({"and": _raw(_varargs(booleans))})


def and_(*booleans: ExprArg) -> Expr:
    """Return whether all booleans are true; stops at the first that is not."""
    return Expr({"and": _raw(_varargs(booleans))})


@deprecated("use or_ instead")
def or_expr(*booleans: ExprArg) -> Expr:
    """Return whether any boolean is true; stops at the first that is."""
    return Expr({"or": _raw(_varargs(booleans))})


def or_(*booleans: ExprArg) -> Expr:
    """Return whether any boolean is true; stops at the first that is."""
    return Expr({"or": _raw(_varargs(booleans))})


@deprecated("use not_ instead")
def not_expr(boolean: ExprArg) -> Expr:
    """Return the opposite boolean."""
    return Expr({"not": _raw(boolean)})


def not_(boolean: ExprArg) -> Expr:
    """Return the opposite boolean."""
    return Expr({"not": _raw(boolean)})


# Conversions


def to_string(expr: ExprArg) -> Expr:
    """Return a value as a string."""
    return Expr({"to_string": _raw(expr)})


def to_array(expr: ExprArg) -> Expr:
    """Return a value as an array (of key and value pairs, for an object)."""
    return Expr({"to_array": _raw(expr)})


def to_object(expr: ExprArg) -> Expr:
    """Return an array of key and value pairs as an object."""
    return Expr({"to_object": _raw(expr)})


def to_double(expr: ExprArg) -> Expr:
    """Return a value as a double."""
    return Expr({"to_double": _raw(expr)})


def to_integer(expr: ExprArg) -> Expr:
    """Return a value as an integer."""
    return Expr({"to_integer": _raw(expr)})


def to_number(expr: ExprArg) -> Expr:
    """Return a value as a number."""
    return Expr({"to_number": _raw(expr)})


def to_time(expr: ExprArg) -> Expr:
    """Return a value as a time."""
    return Expr({"to_time": _raw(expr)})


def to_date(expr: ExprArg) -> Expr:
    """Return a value as a date."""
    return Expr({"to_date": _raw(expr)})


def to_seconds(expr: ExprArg) -> Expr:
    """Return the seconds from the epoch to a time."""
    return Expr({"to_seconds": _raw(expr)})


def to_millis(expr: ExprArg) -> Expr:
    """Return the milliseconds from the epoch to a time."""
    return Expr({"to_millis": _raw(expr)})


def to_micros(expr: ExprArg) -> Expr:
    """Return the microseconds from the epoch to a time."""
    return Expr({"to_micros": _raw(expr)})


def year(expr: ExprArg) -> Expr:
    """Return the year of a time."""
    return Expr({"year": _raw(expr)})


def month(expr: ExprArg) -> Expr:
    """Return the month (1 to 12) of a time."""
    return Expr({"month": _raw(expr)})


def day_of_month(expr: ExprArg) -> Expr:
    """Return the day of the month (1 to 31) of a time."""
    return Expr({"day_of_month": _raw(expr)})


def day_of_week(expr: ExprArg) -> Expr:
    """Return the day of the week (1 is Monday, 7 is Sunday) of a time."""
    return Expr({"day_of_week": _raw(expr)})


def day_of_year(expr: ExprArg) -> Expr:
    """Return the day of the year (1 to 366) of a time."""
    return Expr({"day_of_year": _raw(expr)})


def hour(expr: ExprArg) -> Expr:
    """Return the hour (0 to 23) of a time."""
    return Expr({"hour": _raw(expr)})


def minute(expr: ExprArg) -> Expr:
    """Return the minute (0 to 59) of a time."""
    return Expr({"minute": _raw(expr)})


def second(expr: ExprArg) -> Expr:
    """Return the second (0 to 59) of a time."""
    return Expr({"second": _raw(expr)})
