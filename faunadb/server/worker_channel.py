"""How the main process reaches its workers: their configuration, and the signal that the server stops."""

from __future__ import annotations

import signal

#: The environment variable with the workers' configuration, as JSON. It holds no secret, only a hash.
CONFIG = "FAUNADB_SERVER_CONFIG"
#: The signal that tells workers that the server stops; 0 on systems without it.
END_STREAMS = getattr(signal, "SIGUSR1", 0)
