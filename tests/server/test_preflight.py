"""The main process of a server starts workers and waits; what it looks at before leaves nothing in it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from faunadb.engine.storage.errors import StoreError
from faunadb.server.preflight import check_database, in_child_process

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")


def test_the_main_process_has_no_engine(tmp_path):
    """It takes as much memory as all the rest of that process."""
    program = f"""
import sys
import faunadb.cli.serve
from faunadb.server.preflight import check_database, in_child_process
hashes, is_in_memory = in_child_process(check_database, "sqlite:///{tmp_path}/main.db", "secret", {{}})
assert hashes and not is_in_memory
print([name for name in ("faunadb.engine.engine", "faunadb.server.application", "sqlite3") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    expected = "[]" if hasattr(os, "fork") else str(["faunadb.engine.engine", "sqlite3"])
    assert (done.stdout.strip(), done.stderr) == (expected, "")
    assert (tmp_path / "main.db").exists()


def test_what_a_look_raises_is_raised(tmp_path):
    (tmp_path / "main.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="database"):
        in_child_process(check_database, f"sqlite:///{tmp_path}/main.db", "secret", {})


@needs_fork
def test_it_is_another_process_unless_there_are_threads():
    if threading.active_count() == 1:
        assert in_child_process(os.getpid) != os.getpid()
    waiting = threading.Event()
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    try:
        assert in_child_process(os.getpid) == os.getpid()
    finally:
        waiting.set()
        thread.join()
