"""Fixtures for pytest: an FQL v4 database for every test.

They come with the package; nothing needs to be imported. Each test that asks for one gets a database of its own, in
memory, within a few milliseconds:

``fauna_database``   the database: :class:`~faunadb.testing.database.Database`
``fauna_client``     a :class:`~faunadb.client.FaunaClient` for it, with its root secret
``fauna_server``     the same database behind a socket, for code that takes an address:
                     :class:`~faunadb.testing.server.Server`

With ``_module`` or ``_session`` appended to their names, they are shared by all tests of a module, or of the run.

.. code-block:: python

    def test_rename(fauna_client):
        fauna_client.query(q.create_collection({"name": "spells"}))
        ...

    @pytest.mark.fauna_data("spells.fql")
    def test_with_data(fauna_client): ...

The ini option ``fauna_schema`` (files), or a fixture of that name (files, queries, functions), says what every database
begins with. The marker ``fauna_data`` adds files for one test. What databases begin with is made once, then copied.

Imports stand in the functions: pytest loads this module in every run, and most runs need no database.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Union

import pytest

if TYPE_CHECKING:
    from faunadb.client import FaunaClient
    from faunadb.testing.database import Database
    from faunadb.testing.server import Server

__all__ = [
    "Database",
    "fauna_client",
    "fauna_client_module",
    "fauna_client_session",
    "fauna_database",
    "fauna_database_module",
    "fauna_database_session",
    "fauna_schema",
    "fauna_server",
    "fauna_server_module",
    "fauna_server_session",
]

#: How many different initial contents are kept for further copies.
_KEPT_IMAGES = 32


def __getattr__(name: str) -> Any:
    if name == "Database":
        from faunadb.testing.database import Database

        return Database
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Make the ini option known."""
    parser.addini(
        "fauna_schema",
        "files that every fauna_database begins with, relative to this one, see faunadb.testing.Database.load",
        type="paths",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "fauna_data(*paths): load these files into the test's database, see faunadb.testing.Database.load",
    )


@pytest.fixture(scope="session")
def fauna_schema(pytestconfig: pytest.Config) -> Any:
    """What every database begins with: the files of the ini option ``fauna_schema``.

    Override it to return the path of a file, an expression of :mod:`faunadb.query`, a function that takes the
    :class:`~faunadb.testing.database.Database`, or a list of these.
    """
    return pytestconfig.getini("fauna_schema")


@pytest.fixture(scope="session")
def _fauna_images() -> Callable[[tuple[Any, ...]], Any]:
    """Return what a database holds after some steps; the steps are run only the first time."""
    from faunadb.testing.database import image_after

    return lru_cache(maxsize=_KEPT_IMAGES)(image_after)


def _databases(
    request: pytest.FixtureRequest, schema: Any, images: Callable[[tuple[Any, ...]], Any]
) -> Iterator[Database]:
    from faunadb.testing.database import Database, steps_of

    steps = steps_of(schema, lambda path: _beside(request, path))
    # the markers of a class come before those of its tests
    for marker in reversed(list(request.node.iter_markers("fauna_data"))):
        steps += [_beside(request, path) for path in marker.args]
    with Database(images(tuple(steps)) if steps else None) as database:
        yield database


def _servers(database: Database) -> Iterator[Server]:
    from faunadb.testing.server import Server

    server = Server(database.url, database.secret)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def fauna_database(
    request: pytest.FixtureRequest, fauna_schema: Any, _fauna_images: Any
) -> Iterator[Database]:
    """A fresh FQL v4 database in memory, with ``fauna_schema`` and the files of the marker ``fauna_data`` loaded."""
    yield from _databases(request, fauna_schema, _fauna_images)


@pytest.fixture
def fauna_client(fauna_database: Database) -> FaunaClient:
    """A client with the root key of the test's own database."""
    return fauna_database.client


@pytest.fixture
def fauna_server(fauna_database: Database) -> Iterator[Server]:
    """The test's own database on a port of this machine, HTTP/1.1, streams included."""
    yield from _servers(fauna_database)


@pytest.fixture(scope="module")
def fauna_database_module(
    request: pytest.FixtureRequest, fauna_schema: Any, _fauna_images: Any
) -> Iterator[Database]:
    """A database for all tests of a module, with ``fauna_schema`` and the files of the module's markers loaded."""
    yield from _databases(request, fauna_schema, _fauna_images)


@pytest.fixture(scope="module")
def fauna_client_module(fauna_database_module: Database) -> FaunaClient:
    """A client with the root key of the module's database."""
    return fauna_database_module.client


@pytest.fixture(scope="module")
def fauna_server_module(fauna_database_module: Database) -> Iterator[Server]:
    """The module's database on a port of this machine."""
    yield from _servers(fauna_database_module)


@pytest.fixture(scope="session")
def fauna_database_session(
    request: pytest.FixtureRequest, fauna_schema: Any, _fauna_images: Any
) -> Iterator[Database]:
    """A database for all tests of the run, with ``fauna_schema`` loaded."""
    yield from _databases(request, fauna_schema, _fauna_images)


@pytest.fixture(scope="session")
def fauna_client_session(fauna_database_session: Database) -> FaunaClient:
    """A client with the root key of the run's database."""
    return fauna_database_session.client


@pytest.fixture(scope="session")
def fauna_server_session(fauna_database_session: Database) -> Iterator[Server]:
    """The run's database on a port of this machine."""
    yield from _servers(fauna_database_session)


def _beside(request: pytest.FixtureRequest, path: Union[str, Path]) -> Path:
    """The file at ``path``, relative to the test's file or else to the root directory of the run.

    :raises FileNotFoundError: when it is in neither
    """
    here = Path(str(request.node.path)).parent / path
    for option in (here, request.config.rootpath / path):
        if option.exists():
            return option.resolve()
    raise FileNotFoundError(f"{path}: there is no {here}")
