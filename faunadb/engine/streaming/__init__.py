"""Event streams (wire protocol, "Streaming"): from commits of any process to the subscribers of this one.

`opening` turns the value of a query into a subscription, `dispatcher` reads the commit log for all of them in one
thread, `events` says what a commit means to a subscriber, `stream` is what the subscriber holds.
"""

from __future__ import annotations

from ..auth.revalidation import Watch
from .dispatcher import Dispatcher
from .opening import Opened, target_of_value
from .stream import Stream

__all__ = ["Dispatcher", "Opened", "Stream", "Watch", "target_of_value"]
