"""The engine as a server: an ASGI application, and `serve`, which runs it under granian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .serving import serve

if TYPE_CHECKING:
    from .application import Application
    from .worker import create_app

__all__ = ["Application", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    # Late: these load the engine, and the main process does without it.
    if name == "Application":
        from .application import Application

        return Application
    if name == "create_app":
        from .worker import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
