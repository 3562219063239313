"""Event streams (wire protocol, "Streaming"): from commits of any process to the subscribers of this one.

`opening` turns the value of a query into a subscription, `dispatcher` reads the commit log for all of them in one
thread, `events` says what a commit means to a subscriber, `stream` is what the subscriber holds, or `together` for several
of them.
"""

from __future__ import annotations

from .dispatcher import Dispatcher
from .opening import Opened, Opener
from .stream import Stream

__all__ = ["Dispatcher", "Opened", "Opener", "Stream"]
