"""Streams: the changes of a document or set, as they are committed."""

from __future__ import annotations

from faunadb.streams.client import Connection
from faunadb.streams.dispatcher import EventDispatcher
from faunadb.streams.subscription import Subscription

__all__ = ["Connection", "EventDispatcher", "Subscription"]
