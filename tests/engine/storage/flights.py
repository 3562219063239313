"""A network that lets so many answers through, and holds all further ones: who comes by with them needs no more."""

from __future__ import annotations

import select
import socket
import threading
from typing import Any, Callable, TypeVar

T = TypeVar("T")

#: Seconds after which an action is taken to wait for an answer that is held.
PATIENCE = 20.0

#: The message that ends a transaction that has only read.
END = b"Q\0\0\0\x0bCOMMIT\0"


class Flights:
    """A way to a port. An answer is what the server says after it has been asked something, up to the next question."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._changed = threading.Condition()
        self._allowed = 10**9
        self._begun = 0
        self._unanswered = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listener]
        self._near: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def within(self, count: int, action: Callable[[], T], patience: float = PATIENCE) -> T:
        """Run action, which gets so many answers. AssertionError when it wants more."""
        with self._changed:
            # What nobody waited for before is not to be counted now.
            assert self._changed.wait_for(self._is_quiet, PATIENCE)
            self._begun, self._allowed = 0, count
        result: list[Any] = []

        def run() -> None:
            try:
                result.append(action())
            except Exception as error:
                result.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(patience)
        late = thread.is_alive()
        with self._changed:
            self._allowed = 10**9
            self._changed.notify_all()
        thread.join(PATIENCE)
        assert not late, f"it waits for a further answer than {count}"
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]  # type: ignore[no-any-return]

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                return
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets += [near, far]
            self._near.append(near)
            threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        asked = free = False
        held = b""  # of an answer beyond those allowed: it waits, while questions go on
        try:
            while True:
                if held and self._may_answer(free):
                    near.sendall(held)
                    held, asked = b"", False
                    self._answered()
                ways = [near] if held else [near, far]
                for ready in select.select(ways, [], [], 0.02 if held else None)[0]:
                    with self._changed:
                        data = ready.recv(1 << 16)
                        if not data:
                            return
                        if ready is near:
                            self._unanswered += not asked
                            asked, free = True, data == END
                    if ready is near:
                        far.sendall(data)
                    elif asked and not self._may_answer(free):
                        held = data
                    else:
                        near.sendall(data)
                        if asked:
                            self._answered()
                        asked = False
        except (OSError, ValueError):
            return
        finally:
            with self._changed:
                self._unanswered -= asked
                self._changed.notify_all()
            near.close()
            far.close()

    def _is_quiet(self) -> bool:
        """Whether everything that was asked has been answered, and nothing is on its way here."""
        near = [each for each in self._near if each.fileno() >= 0]
        return not self._unanswered and not select.select(near, [], [], 0)[0]

    def _may_answer(self, end: bool) -> bool:
        """end: of a transaction that has only read; it is answered when the action is over, since nobody waits for that."""
        with self._changed:
            if self._begun >= self._allowed or (end and self._allowed < 10**9):
                return False
            self._begun += not end
            return True

    def _answered(self) -> None:
        with self._changed:
            self._unanswered -= 1
            self._changed.notify_all()

    def close(self) -> None:
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
