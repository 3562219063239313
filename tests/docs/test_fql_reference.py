"""The FQL reference: every form has an entry and an example, and every example does what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import pytest

from faunadb.client import FaunaClient

EXTENSIONS = Path(__file__).resolve().parents[2] / "docs" / "_ext"
sys.path.insert(0, str(EXTENSIONS))

import fql_examples  # noqa: E402
import fql_reference  # noqa: E402

WRITTEN = fql_examples.read_examples()
FORMS = [form for forms in fql_reference.forms_by_module().values() for form in forms]
EXAMPLES = {
    f"{example.place} {example.expression[:40]}": example
    for form in FORMS
    for example in fql_reference.examples_of(form, WRITTEN)
}


@pytest.fixture(scope="module")
def shared() -> Any:
    """A client of one filled database, for the examples that change nothing."""
    with FaunaClient(secret="secret", endpoint="sqlite://") as client:
        fql_examples.dataset().build(client)
        yield client


def test_every_form_has_an_example() -> None:
    without = sorted({form.name for form in FORMS if not fql_reference.examples_of(form, WRITTEN)})
    assert without == []


def test_every_example_belongs_to_a_form() -> None:
    assert sorted(set(WRITTEN) - {form.name for form in FORMS}) == []


def test_every_form_has_a_page_entry() -> None:
    pages = fql_reference.pages()
    text = "\n".join(pages.values())
    assert [form.name for form in FORMS if f"### {form.name}\n" not in text] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, shared: FaunaClient, fresh: Callable[[], FaunaClient]) -> None:
    example = EXAMPLES[name]
    client = fresh() if fql_reference.writes(example) else shared
    text, failed = fql_examples.outcome(client, example.expression)
    assert fql_examples.fits(example, text, failed), f"{example.expression}\nsays {example.outcome}\ngives {text}"


@pytest.fixture
def fresh(request: pytest.FixtureRequest) -> Callable[[], FaunaClient]:
    """Makes clients of filled databases of their own, closed after the test."""

    def make() -> FaunaClient:
        client = FaunaClient(secret="secret", endpoint="sqlite://")
        request.addfinalizer(client.close)
        fql_examples.dataset().build(client)
        return client

    return make
