"""Keeps secrets private: URLs are shown without passwords, files are readable by their owner only."""

from __future__ import annotations

import os
import re
from typing import Union
from urllib.parse import unquote_plus

#: Options of a database URL that hold a password.
_PASSWORDS = ("password", "sslpassword")


def without_password(url: str) -> str:
    """Return a URL with ``***`` in place of the passwords that it may contain.

    A password that was not percent-encoded may contain any character, so it is taken to end at the last ``@``.
    """
    shown = re.sub(r"^([^:/]*://[^/:@]*):.*@", r"\1:***@", url, flags=re.DOTALL)
    shown = re.sub(r"^(https?://)[^/?#]*@", r"\1***@", shown)  # of a server, the user is the secret
    address, mark, options = shown.partition("?")
    return address + mark + re.sub(r"([^&;#=]+)=([^&;#]*)", _shown_option, options)


def only_shown(text: str, shown: str) -> str:
    """Return a message about a URL without what it quotes of it, unless that is shown: it may be of a password.

    What a library takes for a host, a port or an option is a piece of a password that was not percent-encoded.
    """
    if text.count('"') % 2:  # there is one in what is quoted
        return text[: text.index('"')] + "..."
    return re.sub(
        r"""(["'])(.*?)\1""", lambda quoted: quoted[0] if quoted[2] in shown else "...", text, flags=re.DOTALL
    )


def _shown_option(option: re.Match[str]) -> str:
    is_password = unquote_plus(option[1]).strip().lower() in _PASSWORDS
    return f"{option[1]}=***" if is_password else option[0]


def make_private(path: Union[str, os.PathLike[str]]) -> None:
    """Make an empty file that only its owner can read (mode 0600), unless the file exists. Raises ``OSError``."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
