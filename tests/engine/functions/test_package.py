"""The package as a whole."""

from __future__ import annotations

from pkgutil import iter_modules

from faunadb.engine import functions


def test_every_module_registers_its_functions() -> None:
    assert all(hasattr(functions, module.name) for module in iter_modules(functions.__path__))
