"""What every test may need: the rule for servers and programs that are not part of the package.

A test that needs one of them asks for its fixture. Where it is missing, the test skips and says how to get
it; in CI (``CI=true``) it fails, because CI is where nothing may be left out.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Optional
from unittest import mock

import pytest
from _pytest.runner import runtestprotocol

from faunadb.engine.auth import secrets
from tests.process_state import process_state

#: Seconds that setting a test up, or ending it, takes when that is worth a word.
WORTH_TELLING = 0.05


def _compile_once(config: pytest.Config) -> None:
    """Hundreds of tests start programs: none of them compiles the package again where bytecode is not to be written.

    It is kept in a directory of this run then, so that nothing is left beside the sources.
    """
    if not sys.dont_write_bytecode or hasattr(config, "workerinput"):
        return
    folder = tempfile.mkdtemp(prefix="faunadb-bytecode.")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = folder
    sys.dont_write_bytecode = False


def pytest_configure(config: pytest.Config) -> None:
    _compile_once(config)
    with contextlib.suppress(ImportError):
        from hypothesis import settings  # a package that only tests need
        from hypothesis.internal.conjecture import junkdrawer

        # Its callback of the garbage collector, for deadlines, would be called in tests that use up the stack, too.
        junkdrawer._gc_initialized = True
        settings.register_profile("faunadb", deadline=None)  # a busy machine is no fault
        settings.load_profile("faunadb")
    # A shell ignores Ctrl-C for what it runs in the background, and programs inherit that: some tests send it to them.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Iterator[None]:
    """One more than cores: many tests wait for a browser, a server, or a lock."""
    outcome = yield
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" not in os.environ:
        outcome.force_result(outcome.get_result() + 1)  # type: ignore[attr-defined]


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Each worker of a whole run begins to load the tests at another place, and finds what the others have compiled.

    pytest writes every assertion anew, which takes longer than all else that is done before the first test.
    """
    config = session.config
    worker = getattr(config, "workerinput", None)
    if worker is None or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    paths = sorted(Path(__file__).parent.rglob("test_*.py"))
    begin = len(paths) * int(worker["workerid"][2:]) // int(worker["workercount"])
    for path in paths[begin:] + paths[:begin]:
        # What cannot be loaded is told, or skipped, when pytest comes to it.
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(path.relative_to(config.rootpath).with_suffix("").parts))


def pytest_collection_finish() -> None:
    """Thousands of tests are kept to the end: the collector need not look through them again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: Optional[pytest.Item]) -> Optional[bool]:
    """A worker tells of each test once, instead of five times: that takes longer than most tests.

    Of its set-up and its end only where there is something to say.
    """
    if not hasattr(item.config, "workerinput"):
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed or report.sections or report.duration > WORTH_TELLING:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


@pytest.fixture(autouse=True)
def _the_process_is_left_as_it_was() -> Iterator[None]:
    """What a test changes and leaves so would make another one fail, or pass, now and then: whichever runs after it."""
    before = process_state()
    yield
    after = process_state()
    changed = [what for what in {**before, **after} if before.get(what) != after.get(what)]
    if changed:
        pytest.fail(f"the test has not put back {', '.join(changed)}", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def _root_secrets_are_hashed_once() -> Iterator[None]:
    """Thousands of tests open an engine with the same secret, and bcrypt is slow on purpose: longer than most tests.

    A wrong secret is checked each time.
    """
    good = set()

    def check_root(secret: str, hashed: str) -> bool:
        if (secret, hashed) not in good:
            if not check(secret, hashed):
                return False
            good.add((secret, hashed))
        return True

    check, hash_root = secrets.check_root, functools.cache(secrets.hash_root)
    with mock.patch.multiple(secrets, hash_root=hash_root, check_root=check_root):
        yield


def missing(what: str, how: str) -> None:
    """Fail in CI, skip elsewhere, saying what is missing and how to provide it."""
    message = f"{what} is not there: {how}"
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message, allow_module_level=True)


def required(module: str) -> ModuleType:
    """A module of a package that only tests need; `missing` where it is not installed. For modules of tests too."""
    try:
        return importlib.import_module(module)
    except ImportError:
        missing(f"the module {module}", "pip install '.[test]'")
        raise AssertionError("unreachable") from None


@pytest.fixture(scope="session")
def closed_port() -> Iterator[int]:
    """A TCP port of this machine that refuses connections: it is taken, so that nobody else listens on it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """A ``postgresql://`` URL of a server whose user may create databases."""
    url = os.environ.get("FAUNADB_TEST_POSTGRES", "")
    if not url:
        missing(
            "a PostgreSQL server",
            "start one (any 13 or later) and set FAUNADB_TEST_POSTGRES=postgresql://user@host:port/database",
        )
    return url


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium or Chrome that runs headless."""
    named = os.environ.get("FAUNADB_TEST_CHROMIUM", "")
    candidates = [named] if named else ["chromium", "chromium-browser", "google-chrome"]
    for candidate in candidates:
        found = shutil.which(candidate)
        if found:
            return found
    missing("Chromium", "install it (Debian: apt-get install chromium) or set FAUNADB_TEST_CHROMIUM=/path")
    raise AssertionError("unreachable")


@pytest.fixture(scope="session")
def npm_driver() -> Path:
    """Directory that holds ``node_modules/faunadb``, the JavaScript driver."""
    directory = Path(os.environ.get("FAUNADB_TEST_NPM", ".")).resolve()
    if shutil.which("node") is None:
        missing("node", "install Node.js 18 or later")
    if not (directory / "node_modules" / "faunadb").is_dir():
        missing(
            "the npm package faunadb",
            "run `npm install faunadb` in an empty directory and set FAUNADB_TEST_NPM to it",
        )
    return directory


@pytest.fixture(scope="session")
def official_python() -> str:
    """A Python interpreter whose environment holds the official driver, ``faunadb==4.5.2``."""
    python = os.environ.get("FAUNADB_TEST_OFFICIAL_PYTHON", "")
    if not python or shutil.which(python) is None:
        missing(
            "the official Python driver",
            "make a virtual environment, run `pip install faunadb==4.5.2 setuptools` in it "
            "and set FAUNADB_TEST_OFFICIAL_PYTHON to its python",
        )
    return python
