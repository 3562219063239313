"""``python -m faunadb``: the command line."""

from __future__ import annotations

import sys

from faunadb.cli import main

if __name__ == "__main__":
    sys.exit(main())
