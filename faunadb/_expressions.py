"""Expressions, and how plain Python values become expressions. See :mod:`faunadb.query` for using them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from types import FunctionType, MethodType
from typing import Any, Callable, Union

from faunadb.errors import UnexpectedError


class Expr:
    """An FQL expression.

    :ivar value: The JSON value it stands for. Only references, times and the like occur in it as objects.

    Expressions are equal when their type and value are, and hash accordingly.
    """

    value: Any

    def __init__(self, value: Any) -> None:
        self.value = value

    def to_fauna_json(self) -> Any:
        """Return what is written into the JSON of a query in place of this object."""
        return self.value

    def __repr__(self) -> str:
        value = self.value
        return _shown(value) if isinstance(value, (dict, list)) else f"Expr({value!r})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((type(self), _frozen(self.value)))


#: The class's name in the official driver.
_Expr = Expr

#: What may be given where an expression is expected. A ``datetime`` (which is a ``date``) needs an offset; the members
#: of dictionaries, lists and tuples are checked when they are wrapped; functions become lambdas.
ExprArg = Union[
    Expr,
    None,
    bool,
    int,
    float,
    str,
    bytes,
    bytearray,
    date,
    Mapping[Any, Any],
    list[Any],
    tuple[Any, ...],
    Callable[..., Any],
]


def _shown(value: Any) -> str:
    """Return the ``repr`` of an expression's value: every form, object and array in it is an expression as well."""
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(value.get("object"), dict):
            return f"Expr({{'object': {_shown_members(value['object'])}}})"
        return f"Expr({_shown_members(value)})"
    if isinstance(value, list):
        return f"Expr([{', '.join([_shown(member) for member in value])}])"
    return repr(value)


def _shown_members(dct: dict[str, Any]) -> str:
    return "{" + ", ".join([f"{key!r}: {_shown(member)}" for key, member in dct.items()]) + "}"


def _frozen(value: Any) -> Any:
    """Return a hashable stand-in for a JSON value; equal values have equal stand-ins."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(member)) for key, member in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(member) for member in value)
    if isinstance(value, bytearray):
        return bytes(value)
    return value


# Wrapping: plain Python values become expressions. ``_raw`` returns the JSON value of the expression, and expressions
# are built from such values: that makes a query one tree of dicts and lists, which is quick to write as JSON.

_LEAST_INTEGER = -(2**63)
_GREATEST_INTEGER = 2**63 - 1
_INFINITIES = (float("inf"), float("-inf"))


def _wrap(value: Any) -> Any:
    """Return a value as an expression: scalars and expressions as they are, containers recursively."""
    if isinstance(value, Expr):
        return value
    raw = _raw(value)
    return Expr(raw) if type(raw) is dict or type(raw) is list else raw


def _wrap_values(dct: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping's values as expressions; the mapping itself does not become one."""
    return {key: _wrap(value) for key, value in dct.items()}


def _raw(value: Any) -> Any:
    """Return what stands for a value in the JSON of a query."""
    kind = type(value)
    if kind is str:
        return value
    if kind is Expr:
        return value.value
    try:
        return (_RAW_BY_TYPE.get(kind) or _raw_by_base(value))(value)
    except RecursionError:
        return _raw_deep(value)


def _same(value: Any) -> Any:
    return value


def _raw_expression(value: Expr) -> Any:
    return value.value


def _raw_integer(value: int) -> int:
    if _LEAST_INTEGER <= value <= _GREATEST_INTEGER:
        return value
    raise unserializable(value, "FQL integers have 64 bits")


def _raw_float(value: float) -> float:
    if value != value or value in _INFINITIES:
        raise unserializable(value, "JSON has neither NaN nor infinity")
    return value


def _raw_object(value: Mapping[str, Any]) -> dict[str, Any]:
    members = {}
    for key, member in value.items():
        if type(key) is not str:
            _check_key(key)
        kind = type(member)
        if kind is not str:
            # Of expressions, that is what the function in the table gives.
            member = (
                member.value if kind is Expr else (_RAW_BY_TYPE.get(kind) or _raw_by_base(member))(member)
            )
        members[key] = member
    return {"object": members}


def _check_key(key: Any) -> None:
    """Refuse a key that JSON has no way to write. Numbers, booleans and ``None`` become strings in it."""
    if not isinstance(key, (str, int, float)) and key is not None:
        raise unserializable(key, "keys of an object must be strings, numbers, booleans or None")


def _raw_array(value: Iterable[Any]) -> list[Any]:
    elements = []
    for element in value:
        kind = type(element)
        if kind is not str:
            # Of expressions, that is what the function in the table gives.
            element = (
                element.value if kind is Expr else (_RAW_BY_TYPE.get(kind) or _raw_by_base(element))(element)
            )
        elements.append(element)
    return elements


def _raw_function(func: Callable[..., Any]) -> dict[str, Any]:
    """Return the FQL lambda of a Python function, which is called with variables named as its parameters."""
    names = _lambda_parameters(func)
    body = func(*[Expr({"var": name}) for name in names])
    return {"lambda": names[0] if len(names) == 1 else names, "expr": _raw(body)}


_RAW_BY_TYPE: dict[type, Callable[[Any], Any]] = {
    str: _same,
    bool: _same,
    type(None): _same,
    Expr: _raw_expression,
    int: _raw_integer,
    float: _raw_float,
    dict: _raw_object,
    list: _raw_array,
    tuple: _raw_array,
    FunctionType: _raw_function,
    MethodType: _raw_function,
}


def _raw_by_base(value: Any) -> Callable[[Any], Any]:
    """Return how to treat a value of a derived type. Values of other types are left for ``to_json`` to judge."""
    for base in (dict, list, tuple, int, float):
        if isinstance(value, base):
            return _RAW_BY_TYPE[base]
    return _same


# Structures nested deeper than Python's recursion limit allows. The code above recurses, which is faster, and hands
# over to the code below when it reaches the limit. That keeps a stack of its own, so depth costs nothing but memory,
# and it notices when a structure contains itself.

CONTAINERS = (dict, list, tuple)


def _raw_deep(value: Any) -> Any:
    """Do what ``_raw`` does, at any depth.

    :raises UnexpectedError: When the structure contains itself, or holds what cannot be sent.
    """
    results: list[Any] = [None]
    open_ids: set[int] = set()
    # What is to do: wrap a value and store it in results, or note that a container is finished.
    todo: list[tuple[Any, Any, Any]] = [(value, results, 0)]
    while todo:
        current, target, key = todo.pop()
        if target is None:
            open_ids.discard(key)
        elif not isinstance(current, CONTAINERS):
            target[key] = _raw_leaf(current)
        else:
            enter(current, open_ids)
            todo.append((None, None, id(current)))
            inner, target[key] = _shell_of(current)
            todo.extend((member, inner, name) for name, member in _members(current))
    return results[0]


def _raw_leaf(value: Any) -> Any:
    try:
        return (_RAW_BY_TYPE.get(type(value)) or _raw_by_base(value))(value)
    except RecursionError:
        raise unserializable("<function>", "a lambda is nested too deeply") from None


def _shell_of(container: Any) -> tuple[Any, Any]:
    """Return what a container's members are to be put into, and the JSON value around it."""
    if isinstance(container, dict):
        for key in container:
            _check_key(key)
        members: dict[str, Any] = dict.fromkeys(container)
        return members, {"object": members}
    elements: list[Any] = [None] * len(container)
    return elements, elements


def _members(container: Any) -> Iterator[tuple[Any, Any]]:
    return iter(container.items()) if isinstance(container, dict) else enumerate(container)


def enter(container: Any, open_ids: set[int]) -> None:
    """Note that a container is being walked; :class:`UnexpectedError` when it is inside itself."""
    if id(container) in open_ids:
        raise unserializable("...", f"the structure (a {type(container).__name__}) contains itself")
    open_ids.add(id(container))


def unserializable(value: Any, reason: str = "") -> UnexpectedError:
    """Return (not raise) the error that says that a value cannot be written as JSON."""
    text = f"Unserializable object {value} of type {type(value)}"
    return UnexpectedError(f"{text}: {reason}" if reason else text, None)


def _fn(dct: Mapping[str, Any]) -> Expr:
    """Return a form: its arguments are wrapped, the object itself is not."""
    return Expr({key: _raw(value) for key, value in dct.items()})


def _params(main_params: Mapping[str, Any], optional_params: Mapping[str, Any]) -> Expr:
    """Return a form of which some arguments are left out when they are ``None``."""
    form = {}
    for key, value in main_params.items():  # quicker than a comprehension, which is a function of its own
        form[key] = _raw(value)
    for key, value in optional_params.items():
        if value is not None:
            form[key] = _raw(value)
    return Expr(form)


def _with_one(form: str, value: Any, option: str, given: Any) -> Expr:
    """Return a form of one argument, and of another one unless it is ``None``. Nearly all queries have some of these."""
    if given is None:
        return Expr({form: _raw(value)})
    return Expr({form: _raw(value), option: _raw(given)})


def _varargs(values: Sequence[Any]) -> Any:
    """Return a single value bare, as the protocol has it; any other number of values as they are."""
    return values[0] if len(values) == 1 else values


# inspect.CO_VARARGS and CO_VARKEYWORDS; importing ``inspect`` takes long.
_VARIADIC_FLAGS = 0x04 | 0x08


def _lambda_parameters(func: Callable[..., Any]) -> list[str]:
    """Return the names of a function's parameters; ``ValueError`` when an FQL lambda cannot have them."""
    function = func.__func__ if isinstance(func, MethodType) else func
    code = getattr(function, "__code__", None)
    if code is None:
        raise ValueError(f"A Python function or lambda expected, got {func!r}.")
    if code.co_flags & _VARIADIC_FLAGS:
        raise ValueError("An FQL lambda cannot have *args or **kwargs parameters.")
    if code.co_kwonlyargcount:
        raise ValueError("An FQL lambda cannot have keyword-only parameters.")
    if getattr(function, "__defaults__", None):
        raise ValueError("Parameters of an FQL lambda cannot have default values.")
    names = list(code.co_varnames[: code.co_argcount])
    if isinstance(func, MethodType):
        del names[0]
    if not names:
        raise ValueError("Function must take at least 1 argument.")
    return names
