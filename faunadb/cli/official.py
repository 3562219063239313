"""Finds an installed official driver: it is named ``faunadb`` too, and a program imports whichever comes first."""

from __future__ import annotations

import re
import sys
from importlib.metadata import distributions
from typing import Optional

__all__ = ["official_driver"]

#: The first version that is this package. The official driver's last one was 4.5.2.
FIRST_OWN = (4, 6)


def official_driver(path: Optional[list[str]] = None) -> Optional[str]:
    """A warning about an installed official driver; ``None`` when there is none.

    :param path: directories to look in; ``None`` for those that Python imports from
    """
    for found in distributions(name="faunadb", path=sys.path if path is None else path):
        version = found.version or ""
        numbers = tuple(map(int, re.findall(r"\d+", version)[:2]))
        if numbers and numbers < FIRST_OWN:
            return (
                f"the official driver faunadb {version} is installed as well, in {found.locate_file('')}: programs may "
                "import it in place of this package; remove it with pip uninstall faunadb, then install this one again"
            )
    return None
