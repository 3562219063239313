"""Who a request is and what it may do: secrets, principals, permissions, roles, JSON web tokens."""

from __future__ import annotations
