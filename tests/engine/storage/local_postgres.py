"""PostgreSQL servers of a test's own, to be restarted, killed and promoted; and a network that stalls and breaks."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Any

import psycopg

from faunadb.server.listening import free_port
from tests.conftest import missing

PATIENCE = 60


def find_programs() -> Path:
    """The directory with initdb, pg_ctl and pg_basebackup."""
    named = os.environ.get("FAUNADB_TEST_POSTGRES_BIN")
    places = [Path(named)] if named else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("pg_ctl")
    if on_path:
        places.append(Path(on_path).parent)
    for place in places:
        if all((place / name).exists() for name in ("initdb", "pg_ctl", "pg_basebackup")):
            return place
    missing(
        "PostgreSQL's own programs",
        "install the server (Debian: apt-get install postgresql) or set FAUNADB_TEST_POSTGRES_BIN to its bin directory",
    )
    raise AssertionError("unreachable")


class LocalPostgres:
    """A server on a port of its own. As root it runs as the user ``postgres``, which PostgreSQL insists on."""

    def __init__(self, programs: Path) -> None:
        self.programs = programs
        self.port = free_port()
        self._user: dict[str, Any] = (
            {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        )
        self.folder = Path(tempfile.mkdtemp(prefix="faunadb-pg."))
        if self._user:
            shutil.chown(self.folder, "postgres", "postgres")
        self.data = self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), *arguments]
        done = subprocess.run(
            command,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE,
            **self._user,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}{self._log()}"

    def _log(self) -> str:
        log = self.folder / "log"
        return log.read_text()[-2000:] if log.exists() else ""

    def create(self) -> LocalPostgres:
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", "postgres", "--no-sync")
        return self.start()

    def start(self, **settings: str) -> LocalPostgres:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "max_connections": "100",
            "fsync": "off",  # programs end in these tests, and the operating system goes on: it keeps what they wrote
            **settings,
        }
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        # The log gets the server's output; a pipe would be held open by it.
        self._run(
            "pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "-o", options, "start"
        )
        return self

    def stop(self, mode: str = "fast") -> None:
        """fast: sessions are ended; immediate: as a crash, to be recovered from the log at the next start."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """SIGKILL, as when the machine is gone. The server's children end by themselves."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def standby(self) -> LocalPostgres:
        """A new server that follows this one."""
        other = LocalPostgres(self.programs)
        source = f"host=127.0.0.1 port={self.port} user=postgres application_name=standby"
        other._run(
            "pg_basebackup",
            "-D",
            str(other.data),
            "-d",
            source,
            "-R",
            "-c",
            "fast",
            "-X",
            "stream",
            "--no-sync",
        )
        return other.start()

    def promote(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def execute(self, text: str, *parameters: Any) -> list[Any]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(text, parameters or None)
            return cursor.fetchall() if cursor.description else []

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def remove(self) -> None:
        if (self.data / "postmaster.pid").exists():
            try:
                self.stop("immediate")
            except AssertionError:
                pass  # killed before
        shutil.rmtree(self.folder, ignore_errors=True)


class Network:
    """A way to a port that can be made to stall or break."""

    def __init__(self, target: int) -> None:
        self.target = target
        self._open = threading.Event()
        self._open.set()
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                near.close()
                continue
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        try:
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    self._open.wait()
                    (far if ready is near else near).sendall(data)
        except (OSError, ValueError):
            return  # cut
        finally:
            near.close()
            far.close()

    def stall(self) -> None:
        """Carry nothing more until `resume`."""
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    def cut(self) -> None:
        """Break every connection, losing what was on its way."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for each in pair:
                try:
                    each.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # broken already

    def close(self) -> None:
        self._listener.close()
        self.cut()
        self.resume()
