"""Authentication and authorization: secrets, principals, permissions, roles, JSON web tokens."""

from __future__ import annotations

from .authentication import Authenticator
from .permissions import ALL, FILTERED, Permissions
from .principals import Auth

__all__ = [
    "ALL",
    "FILTERED",
    "Auth",
    "Authenticator",
    "Permissions",
]
