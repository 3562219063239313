"""FQL v4 for Python: the driver, and (on demand) the database engine behind it.

``faunadb.client.FaunaClient`` talks to a server that speaks the FQL v4 protocol, or to an engine in this very
process when its endpoint is a database URL. Importing this package makes no network call, prints nothing and
warns of nothing.
"""

from __future__ import annotations

__title__: str = "FaunaDB"
__version__: str = "4.6.0"
__api_version__: str = "4"
__author__: str = "The faunadb developers"
__license__: str = "MPL 2.0"
__copyright__: str = "2026 The faunadb developers"
