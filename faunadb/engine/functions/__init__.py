"""The FQL functions, a module per family. Importing this package registers them all."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from ..language import callbacks, selecting, special  # noqa: F401  (registers the special forms)

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
