"""Sends a client's secret with its requests (wire protocol, authentication)."""

from __future__ import annotations

import re
from typing import Any, Optional

from requests.auth import HTTPBasicAuth

from faunadb._headers import CONTROL_CHARACTERS, in_header


class HTTPBearerAuth(HTTPBasicAuth):
    """The secret of a client, sent as ``Authorization: Bearer <secret>``.

    :param secret: Secret of a key or token, or a JWT.
    :raises ValueError: When the secret contains control characters.

    Its attribute ``username`` is the secret too, as in the official driver, which took it for the user name of
    basic authentication.
    """

    is_plain_bearer = True

    def __init__(self, secret: Optional[str]) -> None:
        if isinstance(secret, str) and re.search(CONTROL_CHARACTERS, secret):
            raise ValueError("The secret contains control characters, which cannot be sent.")
        super().__init__(secret, "")  # type: ignore[arg-type]

    @property
    def secret(self) -> str:
        return self.username  # type: ignore[return-value]

    @secret.setter
    def secret(self, secret: str) -> None:
        self.username = secret

    def auth_header(self) -> str:
        """Return the value of the header ``Authorization``."""
        return f"Bearer {self.secret}"

    def __call__(self, r: Any) -> Any:
        r.headers["Authorization"] = in_header(self.auth_header())
        return r

    def __repr__(self) -> str:
        return "<HTTPBearerAuth>"
