"""Event streams (wire protocol, "Streaming"): commits of any process reach the subscribers of this one.

opening      from the value of a query to a subscription
targets      what can be subscribed to, and which subscribers a change concerns
dispatcher   the thread that reads the commit log for all subscribers
events       what a change means to a subscriber
stream       the buffer between the dispatcher and one reader
multiplexed  the same for one reader of several streams
"""

from __future__ import annotations

from .dispatcher import Dispatcher
from .opening import Opened, Opener
from .stream import Stream

__all__ = ["Dispatcher", "Opened", "Opener", "Stream"]
