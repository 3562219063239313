"""What background work knows of the engine, and the context in which it writes."""

from __future__ import annotations

from typing import Any, Protocol

from ..auth.permissions import Admin
from ..auth.principals import Auth
from ..language.context import Context, Host
from ..schema.view import schema_view
from ..storage.base import Store
from .worker import Background


class Keeper(Host, Protocol):
    """The engine, as far as background work needs it."""

    store: Store
    background: Background


def system_context(keeper: Keeper, tx: Any, scope: int) -> Context:
    """A context in a database for work of the engine itself, with all rights. tx: a transaction."""
    return Context(keeper, tx, schema_view(keeper, tx), Auth("root", scope, Admin(scope)), tx=tx)
