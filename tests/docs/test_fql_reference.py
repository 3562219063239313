"""The FQL reference: every form has an entry and an example, and every example does what it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faunadb.testing import Database

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
def shared() -> Iterator[Database]:
    """A filled database for the examples that change nothing."""
    database = Database()
    fql_examples.dataset().build(database.client)
    yield database
    database.close()


def test_every_form_has_an_example() -> None:
    without = sorted({form.name for form in FORMS if not fql_reference.examples_of(form, WRITTEN)})
    assert without == []


def test_every_example_belongs_to_a_form() -> None:
    assert sorted(set(WRITTEN) - {form.name for form in FORMS}) == []


def test_every_form_has_a_page_entry() -> None:
    pages = fql_reference.pages()
    text = "\n".join(pages.values())
    assert [form.name for form in FORMS if f"## {form.name}\n" not in text] == []


def test_every_page_is_in_the_table_of_contents() -> None:
    index = (EXTENSIONS.parent / "fql" / "index.md").read_text(encoding="utf-8")
    assert [module for module in fql_reference.pages() if f"\n_generated/{module}\n" not in index] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, shared: Database, fauna_database: Database) -> None:
    example = EXAMPLES[name]
    database = shared
    if fql_reference.writes(example):
        database = fauna_database
        fql_examples.dataset().build(database.client)
    text, failed = fql_examples.outcome(database.client, example)
    if not fql_examples.fits(example, text, failed):
        pytest.fail(f"{example.expression}\nsays {example.outcome}\ngives {text}", pytrace=False)
