"""Expressions, and how plain Python values become expressions. See :mod:`faunadb.query` for using them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any, Callable

from faunadb.errors import UnexpectedError


class _Expr:
    """An FQL expression.

    :ivar value: The JSON value it stands for; members may be expressions themselves.

    Expressions are equal when their type and value are, and hash accordingly.
    """

    value: Any

    def __init__(self, value: Any) -> None:
        self.value = value

    def to_fauna_json(self) -> Any:
        """Return what is written into the JSON of a query in place of this object."""
        return self.value

    def __repr__(self) -> str:
        return f"Expr({self.value!r})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash((type(self), _frozen(self.value)))


def _frozen(value: Any) -> Any:
    """Return a hashable stand-in for a JSON value; equal values have equal stand-ins."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(member)) for key, member in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(_frozen(member) for member in value)
    if isinstance(value, bytearray):
        return bytes(value)
    return value


# Wrapping: plain Python values become expressions.

_LEAST_INTEGER = -(2**63)
_GREATEST_INTEGER = 2**63 - 1
_INFINITIES = (float("inf"), float("-inf"))


def _wrap(value: Any) -> Any:
    """Return a value as an expression: scalars and expressions as they are, containers recursively."""
    kind = type(value)
    if kind is str or kind is _Expr:
        return value
    wrap_kind = _WRAP_BY_TYPE.get(kind)
    if wrap_kind is None:
        wrap_kind = _wrapper_of(value)
    try:
        return wrap_kind(value)
    except RecursionError:
        from faunadb._deep import wrap_deep

        return wrap_deep(value)


def _wrap_member(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is _Expr:
        return value
    return (_WRAP_BY_TYPE.get(kind) or _wrapper_of(value))(value)


def _same(value: Any) -> Any:
    return value


def _wrap_integer(value: int) -> int:
    if _LEAST_INTEGER <= value <= _GREATEST_INTEGER:
        return value
    raise unserializable(value, "FQL integers have 64 bits")


def _wrap_float(value: float) -> float:
    if value != value or value in _INFINITIES:
        raise unserializable(value, "JSON has neither NaN nor infinity")
    return value


def _wrap_object(value: dict[str, Any]) -> _Expr:
    return _Expr({"object": _wrap_members(value)})


def _wrap_members(value: Mapping[str, Any]) -> dict[str, Any]:
    for key in value:
        if not isinstance(key, str):
            raise unserializable(key, "keys of an object must be strings")
    return {key: _wrap_member(member) for key, member in value.items()}


def _wrap_array(value: Iterable[Any]) -> _Expr:
    return _Expr([_wrap_member(member) for member in value])


def _wrap_function(func: Callable[..., Any]) -> _Expr:
    """Turn a Python function into an FQL lambda, by calling it with variables named as its parameters."""
    names = _lambda_parameters(func)
    body = func(*[_Expr({"var": name}) for name in names])
    return _Expr({"lambda": _wrap(names[0] if len(names) == 1 else names), "expr": _wrap(body)})


_WRAP_BY_TYPE: dict[type, Callable[[Any], Any]] = {
    str: _same,
    bool: _same,
    type(None): _same,
    _Expr: _same,
    int: _wrap_integer,
    float: _wrap_float,
    dict: _wrap_object,
    list: _wrap_array,
    tuple: _wrap_array,
    FunctionType: _wrap_function,
    MethodType: _wrap_function,
}


def _wrapper_of(value: Any) -> Callable[[Any], Any]:
    """Return the wrapper of a value of a derived type; what it cannot wrap is for ``to_json`` to judge."""
    if isinstance(value, _Expr):
        return _same
    for base in (dict, list, tuple, int, float):
        if isinstance(value, base):
            return _WRAP_BY_TYPE[base]
    return _same


def unserializable(value: Any, reason: str = "") -> UnexpectedError:
    """Return (not raise) the error that says that a value cannot be written as JSON."""
    text = f"Unserializable object {value} of type {type(value)}"
    return UnexpectedError(f"{text}: {reason}" if reason else text, None)


def _fn(dct: Mapping[str, Any]) -> _Expr:
    """Return a form: its arguments are wrapped, the object itself is not."""
    return _Expr({key: _wrap(value) for key, value in dct.items()})


def _params(main_params: Mapping[str, Any], optional_params: Mapping[str, Any]) -> _Expr:
    """Return a form of which some arguments are left out when they are ``None``."""
    form = {key: _wrap(value) for key, value in main_params.items()}
    for key, value in optional_params.items():
        if value is not None:
            form[key] = _wrap(value)
    return _Expr(form)


def _varargs(values: Sequence[Any]) -> Any:
    """Return the only value by itself, any other number of values as they are."""
    return values[0] if len(values) == 1 else values


# Parameters of a Python function beyond plain positional ones have no counterpart in an FQL lambda.
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
