"""The small database that the examples of the FQL reference run on."""

from __future__ import annotations

from faunadb import query as q
from faunadb.cli import demo
from faunadb.client import FaunaClient


def build(client: FaunaClient) -> None:
    """Fill an empty database with the demo's data, and with one of everything else that can be named."""
    demo.load(client)
    client.query(
        q.do(
            q.create_database({"name": "archive"}),
            q.create_role(
                {
                    "name": "reader",
                    "privileges": [{"resource": q.collection("spells"), "actions": {"read": True}}],
                }
            ),
            q.create_access_provider(
                {
                    "name": "sign_in",
                    "issuer": "https://sign-in.example/",
                    "jwks_uri": "https://sign-in.example/jwks.json",
                }
            ),
            q.update(q.ref(q.collection("characters"), "201"), {"credentials": {"password": "sesame"}}),
        )
    )
