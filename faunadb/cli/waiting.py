"""Waits until indexes are built, and shows how far they are."""

from __future__ import annotations

import time
from typing import Optional, Union

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
#: How many seconds a server may take to say how far its builds are.
_TIMEOUT = 30.0


def finish_builds(connection: Connection) -> None:
    """Let the engine in this process finish the indexes that wait to be built, before the process ends.

    A short-lived process would otherwise leave them to the next one that lives longer.
    """
    engine = connection.engine()
    if engine is None:
        return
    with engine.store.snapshot() as snap:
        waiting = any(task[0] == "build" for task in open_tasks(snap))
    if waiting:
        with Progress("building indexes", None) as progress:
            while not engine.background.wait(_PAUSE):
                _show(under_way(engine), progress)


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
            _show(under_way(engine), progress)
        else:
            # Of an older server, or one without its dashboard, only the names of inactive indexes are known.
            builds = _builds_of_server(client)
            _show([ref.id() for ref in waiting] if builds is None else builds, progress)
        time.sleep(_PAUSE)
    for name in client.query(_CHILDREN)["data"]:
        _wait(connection.below(f"{connection.database}/{name}".strip("/")), progress)


def _builds_of_server(client: FaunaClient) -> Optional[dict[str, Build]]:
    """What a server tells its dashboard about builds in a client's database; ``None`` when it tells nothing."""
    url = f"{client._endpoint.root}/dashboard/builds"
    answer = client.session.post(url, auth=client.auth, timeout=_TIMEOUT)
    if answer.status_code != 200:
        return None
    return {name: Build(**build) for name, build in answer.json()["builds"].items()}


def _show(builds: Union[dict[str, Build], list[str]], progress: Progress) -> None:
    """Show builds: the name of each index and how far it is, or only the names."""
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
