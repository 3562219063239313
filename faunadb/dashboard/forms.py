"""The FQL forms as the dashboard's completion offers them, from the registry of forms and the drivers' names."""

from __future__ import annotations

import inspect
from typing import Any

from .. import query
from ..engine import functions  # noqa: F401  (registers its forms)
from ..engine.language import parser  # noqa: F401  (so does this)
from ..engine.language.registry import FORMS
from ..fql.forms import BY_KEYS, FqlFunction, Parameter

__all__ = ["all_forms"]

#: Forms whose calls have a shape of their own: wire name, JavaScript name and arguments, Python name and arguments.
_SHAPED = [
    ("ref", "Ref", "collection, id", "ref", "collection, id"),
    ("let", "Let", "{name: value, ...}, expression", "let", "{name: value, ...}, expression"),
    ("lambda", "Lambda", "parameters, expression", "lambda_", "parameters, expression"),
    (
        "paginate",
        "Paginate",
        "set, {size, after, before, ts, events, sources}",
        "paginate",
        "set, size=None, after=None, before=None",
    ),
]
_VERSION = "4"


def all_forms() -> list[dict[str, str]]:
    """An entry for each form: ``javascript``, ``javascriptArguments``, ``python``, ``pythonArguments`` (a name is empty if
    the driver does not have the form) and ``summary``, the first sentence of its documentation."""
    summaries = {form.name: _summary(form) for form in FORMS if form.exists_in(_VERSION)}
    summaries["lambda"] = (
        "A function of its parameters, for Map, Filter and the like; one value comes bare, several as an array."
    )
    found = [
        _entry(javascript, arguments, python, python_arguments, summaries.get(name, ""))
        for name, javascript, arguments, python, python_arguments in _SHAPED
    ]
    seen = set()
    for form in FORMS:
        function = next(filter(None, map(BY_KEYS.get, form.key_sets())), None)
        if function is None or function.javascript in seen or not form.exists_in(_VERSION):
            continue
        seen.add(function.javascript)
        signature = _python_signature(function)
        names = _names(function, signature)
        arguments = ", ".join(filter(None, (_argument(each, names) for each in function.parameters)))
        python = function.python or ""
        found.append(
            _entry(function.javascript, arguments, python, str(signature)[1:-1], summaries[form.name])
        )
    return sorted(found, key=lambda entry: entry["javascript"])


def _entry(
    javascript: str, arguments: str, python: str, python_arguments: str, summary: str
) -> dict[str, str]:
    return {
        "javascript": javascript,
        "javascriptArguments": arguments,
        "python": python,
        "pythonArguments": python_arguments,
        "summary": summary,
    }


def _argument(parameter: Parameter, names: dict[str, str]) -> str:
    """An argument as a JavaScript signature shows it; ``""`` for one that is never written."""
    shapes = {"": "{}", "?": "{}?", "*": "...{}", "[]": "...{}", "=": "{}?", "!": ""}
    return shapes[parameter.kind].format(names.get(parameter.key, parameter.key))


def _python_signature(function: FqlFunction) -> inspect.Signature:
    signature = inspect.signature(getattr(query, function.python or "", _nothing))
    plain = [_plain(each) for each in signature.parameters.values()]
    return signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """A parameter without its type; a default that only marks a missing argument is shown as ``...``."""
    is_marker = type(parameter.default) is object
    default = _NOT_GIVEN if is_marker else parameter.default
    return parameter.replace(annotation=inspect.Parameter.empty, default=default)


class _NotGiven:
    def __repr__(self) -> str:
        return "..."


_NOT_GIVEN = _NotGiven()


def _nothing() -> None:
    """Stands in for a function that the Python driver does not have."""


def _names(function: FqlFunction, signature: inspect.Signature) -> dict[str, str]:
    """Wire key -> the Python driver's name of the argument, which says more than the key."""
    keys = [each.key for each in function.python_parameters if each.kind not in ("=", "!")]
    return {key: name.rstrip("_") for key, name in zip(keys, signature.parameters)}


def _summary(form: Any) -> str:
    text = inspect.cleandoc(form.doc).split("\n\n")[0].replace("\n", " ").replace("`", "")
    return text.split(">>>")[0].strip()
