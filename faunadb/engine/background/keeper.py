"""What the work behind the queries knows of the engine, and in whose name it writes."""

from __future__ import annotations

from typing import Any, Protocol

from ..auth.permissions import Admin
from ..auth.principals import Auth
from ..language.context import Context, Host
from ..schema.view import schema_view
from ..storage.base import Store
from .worker import Background


class Keeper(Host, Protocol):
    """The engine, as the one whose store is kept in order."""

    store: Store
    background: Background


def system_context(keeper: Keeper, tx: Any, scope: int) -> Context:
    """A context for work of the engine itself in a database. tx: a transaction."""
    return Context(keeper, tx, schema_view(keeper, tx), Auth("root", scope, Admin(scope)), tx=tx)
