"""Type hints from a user's side: under ``mypy --strict`` good programs are clean, and mistakes are found."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import required

required("mypy")

ROOT = Path(__file__).resolve().parents[2]

CONFIG = f"""
[mypy]
strict = True
mypy_path = {ROOT}
[mypy-faunadb.*]
ignore_errors = True
[mypy-requests.*]
ignore_missing_imports = True
"""

GOOD = """
from collections.abc import Iterator
from datetime import date, datetime, timezone
from typing import Any, Optional, TypedDict
import json

from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.errors import FaunaError, NotFound
from faunadb.objects import Document, Expr, ExprArg, FaunaTime, PageDict, Ref, json_default
from faunadb.page import Page
from faunadb.request_result import RequestResult


class Spell(TypedDict):
    name: str
    cost: int


def observe(result: RequestResult) -> None:
    print(result.status_code, result.time_taken)


client = FaunaClient("secret", endpoint="sqlite://", observer=observe, query_timeout_ms=1000)
settings: dict[str, Any] = {"secret": None}
other = FaunaClient(**settings)


def by_name(name: ExprArg, scope: Optional[Expr] = None) -> Expr:
    return q.match(q.index("spell_by_name", scope), name)


def cost(ref: Expr) -> Expr:
    return q.select(["data", "cost"], q.get(ref), default=0)


spell: Spell = {"name": "Fire Beak", "cost": 10}
spells: list[Spell] = [spell]
created: Document = client.query(q.create(q.collection("spells"), {"data": spell}))
ref: Ref = created["ref"]
kind: Optional[Ref] = ref.collection()
data: dict[str, Any] = created["data"]
ends: Optional[FaunaTime] = created.get("ttl")
page: PageDict = client.query(q.paginate(by_name("Fire Beak"), size=10, after=None))
names: Page[str] = Page.from_raw(page).map_data(lambda each: str(each))
lengths: list[int] = names.map_data(len).data
untyped: Page = Page([1, 2])
costs: Iterator[int] = Page.set_iterator(client, by_name("x"), map_lambda=cost, mapper=int)
anything: Iterator[Any] = Page.set_iterator(client, by_name("x"), lambda ref: q.get(ref))
expressions: list[Expr] = [
    q.let({"x": 1, "y": q.var("x")}, q.add(q.var("x"), q.var("y"))),
    q.let([{"x": 1}, {"x": 2}], q.var("x")),
    q.let(x=1, y="a").in_(q.var("x")),
    q.map_(lambda each: q.add(each, 1), [1, 2, 3]),
    q.foreach(q.lambda_("x", q.do(q.var("x"), None)), spells),
    q.do(date(2020, 1, 1), datetime.now(timezone.utc), b"bytes", bytearray(1), 1.5, True, ("a", 1), {1: "one"}),
    q.call(q.function("f"), FaunaTime("2020-01-01T00:00:00Z"), ref),
    Ref("1", Ref("spells", Ref("collections"))),
]
text: str = json.dumps(created, default=json_default)
with client.new_session_client("secret") as session:
    try:
        session.query(q.get(ref), timeout_millis=100, tags={"a": "b"})
    except NotFound as error:
        print(error.errors[0].code)
    except FaunaError as error:
        result: Optional[RequestResult] = error.request_result
"""

#: Each line is a mistake, with the name of what mypy says.
BAD = """
from faunadb import query as q
from faunadb.client import FaunaClient
from faunadb.objects import Document, FaunaTime, Ref, PageDict
from faunadb.page import Page
client = FaunaClient("secret")
FaunaClient("secret", endpont="sqlite://")  # call-arg
FaunaClient("secret", query_timeout_ms=[1])  # arg-type
client.query(object())  # arg-type
client.query({1, 2})  # arg-type
client.query(1, timeout_millis="1")  # arg-type
q.add(1, object())  # arg-type
q.get()  # call-arg
q.paginate(q.collections(), pagesize=3)  # call-arg
q.let(x=1).query(q.var("x"))  # attr-defined
q.let({"x": 1}, q.var("x")).in_(1)  # attr-defined
q.let(1, 2)  # call-overload
q.now().data  # attr-defined
number: int = q.now()  # assignment
Ref(5)  # arg-type
FaunaTime(5)  # arg-type
document: Document = {"ref": "1", "ts": 1}  # typeddict-item
page: PageDict = {"after": 1}  # typeddict-item
page["next"]  # typeddict-item
names: Page[str] = Page([1, 2])  # list-item
Page.set_iterator(client, 1, mapper=len).append(1)  # attr-defined
Page.set_iterator(client, q.databases(), size=1)  # call-overload
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What mypy says of both programs: by file, ``{line: code}``."""
    directory = tmp_path_factory.mktemp("typed")
    (directory / "mypy.ini").write_text(CONFIG)
    files = {"good.py": GOOD, "bad.py": BAD}
    for name, text in files.items():
        (directory / name).write_text(text)
    options = ["--config-file", str(directory / "mypy.ini"), "--cache-dir", str(directory / "cache")]
    # In a process of its own: mypy changes the recursion limit.
    command = [sys.executable, "-m", "mypy", *options, "--no-error-summary"]
    done = subprocess.run(
        [*command, *[str(directory / name) for name in files]], capture_output=True, text=True, timeout=300
    )
    output = done.stdout
    assert done.stderr == ""
    found = re.findall(r"(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", output, re.MULTILINE)
    assert output.count(": error: ") == len(found), output
    return {name: {int(line): code for file, line, code in found if file == name} for name in files}


def test_a_good_program_is_clean(complaints):
    lines = GOOD.splitlines()
    assert {lines[number - 1]: code for number, code in complaints["good.py"].items()} == {}


def test_mistakes_are_found(complaints):
    lines = BAD.splitlines()
    expected = {number: line.split("  # ")[1] for number, line in enumerate(lines, 1) if "  # " in line}
    found = complaints["bad.py"]
    assert {lines[n - 1]: found.get(n) for n in expected} == {lines[n - 1]: c for n, c in expected.items()}
    assert {lines[n - 1]: code for n, code in found.items() if n not in expected} == {}
