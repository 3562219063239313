"""The small database that the examples of the FQL reference run on."""

from __future__ import annotations

from typing import Any

from faunadb import query as q

SPELLS = [
    ("101", {"name": "Fire Beak", "element": ["air", "fire"], "cost": 8}),
    ("102", {"name": "Water Dragon's Claw", "element": ["water", "fire"], "cost": 25}),
    ("103", {"name": "Hippo's Wallow", "element": ["water", "earth"], "cost": 35}),
]

INDEXES = [
    {"name": "spells_by_element", "terms": [{"field": ["data", "element"]}]},
    {"name": "spell_name_by_ref", "terms": [{"field": ["ref"]}], "values": [{"field": ["data", "name"]}]},
    {"name": "spell_names", "values": [{"field": ["data", "name"]}]},
    {"name": "spells_by_cost", "values": [{"field": ["data", "cost"]}, {"field": ["ref"]}]},
]


def build(client: Any) -> None:
    """Fill an empty database: two collections, four indexes, a function, a role, a provider, a child database."""
    client.query(
        q.do(
            q.create_collection({"name": "spells", "history_days": None}),
            q.create_collection({"name": "characters"}),
            q.create_database({"name": "archive"}),
            q.create_function({"name": "double", "body": q.query(lambda x: q.multiply(x, 2))}),
        )
    )
    spells = q.collection("spells")
    client.query(q.do(*[q.create_index({"source": spells, **index}) for index in INDEXES]))
    client.query(q.do(*[q.create(q.ref(spells, number), {"data": data}) for number, data in SPELLS]))
    client.query(q.update(q.ref(spells, "101"), {"data": {"cost": 10}}))
    client.query(
        q.create(
            q.ref(q.collection("characters"), "201"),
            {"data": {"name": "Taran"}, "credentials": {"password": "sesame"}},
        )
    )
    client.query(
        q.do(
            q.create_role(
                {"name": "reader", "privileges": [{"resource": spells, "actions": {"read": True}}]}
            ),
            q.create_access_provider(
                {
                    "name": "sign_in",
                    "issuer": "https://sign-in.example/",
                    "jwks_uri": "https://sign-in.example/jwks.json",
                }
            ),
        )
    )
