"""Waiting until indexes are built."""

from __future__ import annotations

import time
from typing import Any, Optional, Union

from faunadb import query as q
from faunadb.cli.connection import Connection
from faunadb.cli.errors import CliError
from faunadb.cli.progress import Progress, amount
from faunadb.client import FaunaClient
from faunadb.engine.background.building import COUNTED, under_way
from faunadb.engine.background.building import Progress as Build
from faunadb.engine.schema.tasks import open_tasks
from faunadb.errors import FaunaError

__all__ = ["finish_builds", "wait_for_builds"]

_PAUSE = 0.2
#: Seconds that a server may take to tell how far its builds are.
_PATIENCE = 30.0


def finish_builds(connection: Connection) -> None:
    """Before this process ends: let the engine in it finish the indexes that wait to be built.

    A process that lives for a moment would otherwise leave them to the next one that lives longer.
    """
    engine = connection.engine()
    if engine is None:
        return
    with engine.store.snapshot() as snap:
        waiting = any(task[0] == "build" for task in open_tasks(snap))
    if waiting:
        with Progress("building indexes", None) as progress:
            while not engine.background.wait(_PAUSE):
                _tell(engine, progress)


def wait_for_builds(connection: Connection, quiet: bool) -> None:
    """Wait until every index of a database, and of those below it, is active.

    :raises CliError: when the database stops answering
    """
    with Progress("building indexes", None, quiet=quiet) as progress:
        try:
            _wait(connection, progress)
        except (FaunaError, OSError) as fault:
            raise CliError(f"the database stopped answering: {fault}") from None


def _wait(connection: Connection, progress: Progress) -> None:
    client = connection.client()
    engine = connection.engine()
    while True:
        waiting = client.query(_INACTIVE)["data"]
        if not waiting:
            break
        if engine is not None:
            _tell(engine, progress)
        else:
            # An older server, or one without its dashboard, tells no more than what is not active yet.
            builds = _told(client)
            _show([ref.id() for ref in waiting] if builds is None else builds, progress)
        time.sleep(_PAUSE)
    for name in client.query(_CHILDREN)["data"]:
        _wait(connection.below(f"{connection.database}/{name}".strip("/")), progress)


def _told(client: FaunaClient) -> Optional[dict[str, Build]]:
    """What a server tells its dashboard of the indexes of a client's database; ``None`` when it tells nothing."""
    url = f"{client._endpoint.root}/dashboard/builds"
    answer = client.session.post(url, auth=client.auth, timeout=_PATIENCE)
    if answer.status_code != 200:
        return None
    return {name: Build(**told) for name, told in answer.json()["builds"].items()}


def _tell(engine: Any, progress: Progress) -> None:
    """Show how many documents each index that is being built has gone through."""
    _show(under_way(engine), progress)


def _show(builds: Union[dict[str, Build], list[str]], progress: Progress) -> None:
    """builds: how far each index is by its name, or names alone."""
    counts = builds if isinstance(builds, dict) else {}
    if builds:
        each = (f"{name} ({_count(counts[name])})" if name in counts else name for name in builds)
        progress.label = f"building {', '.join(each)}"
    done = sum(build.done for build in counts.values())
    progress.update(max(0, done - progress.rows), done)


def _count(build: Build) -> str:
    total = f"over {amount(COUNTED)}" if build.total is None else amount(build.total)
    return f"{amount(build.done)} of {total}"


# an index without sources is never active
_INACTIVE = q.filter_(
    lambda ref: q.and_(
        q.not_(q.select("active", q.get(ref))), q.not_(q.equals(q.select("source", q.get(ref), []), []))
    ),
    q.paginate(q.indexes(), size=100_000),
)
_CHILDREN = q.map_(lambda ref: q.select("name", q.get(ref)), q.paginate(q.databases(), size=100_000))
