"""Who a request is and what it may do: secrets, principals, permissions, roles, JSON web tokens."""

from __future__ import annotations

from .permissions import ALL, FILTERED, Permissions, permissions_for_function_role
from .principals import Auth, Authenticator, authenticate

__all__ = [
    "ALL",
    "FILTERED",
    "Auth",
    "Authenticator",
    "Permissions",
    "authenticate",
    "permissions_for_function_role",
]
