"""How a client tells who it is."""

from __future__ import annotations

import re
from typing import Any, Optional

from requests.auth import HTTPBasicAuth

from faunadb._headers import CONTROL_CHARACTERS, in_header


class HTTPBearerAuth(HTTPBasicAuth):
    """The secret of a client, sent as ``Authorization: Bearer <secret>``.

    :ivar secret: The secret; also called ``username``, since servers take it as the user name of basic
        authentication as well.
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
