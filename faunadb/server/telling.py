"""What the main process tells its workers: how they are to be, and that the server stops."""

from __future__ import annotations

import signal

#: Environment variable that carries the configuration to worker processes. It holds no secret, only a hash.
CONFIG = "FAUNADB_SERVER_CONFIG"
#: Signal by which the main process tells its workers that the server stops; 0 where there is none.
END_STREAMS = getattr(signal, "SIGUSR1", 0)
