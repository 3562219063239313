"""The engine as a server: an ASGI application, and `serve`, which runs it under granian."""

from .application import Application
from .serving import create_app, serve

__all__ = ["Application", "create_app", "serve"]
