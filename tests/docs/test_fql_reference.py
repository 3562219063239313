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
import fql_facts  # noqa: E402
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


def test_every_form_has_two_examples() -> None:
    counts = {
        name: len(fql_reference.all_examples(forms, WRITTEN))
        for name, forms in fql_reference.variants().items()
    }
    assert [name for name, count in counts.items() if count < 2] == []


def test_every_example_belongs_to_a_form() -> None:
    assert sorted(set(WRITTEN) - {form.name for form in FORMS}) == []


def test_every_form_has_a_page_in_both_styles() -> None:
    pages = fql_reference.pages()
    assert [form.name for form in FORMS if f"forms/{form.name}" not in pages] == []
    lacking = {
        style: {name for name in fql_reference.variants() if f"\n{style}:" not in pages[f"forms/{name}"]}
        for style in ("Python", "JavaScript")
    }
    # What the drivers have no function for, and two that their tables spell in one language only.
    assert lacking["JavaScript"] == {"quote"}
    assert lacking["Python"] == {"quote", "first", "last", "is_uuid", "select_as_index", "sinh"}


def test_every_example_is_shown_in_javascript_but_what_only_the_wire_can_say() -> None:
    without = {example.form for example in EXAMPLES.values() if not fql_reference.javascript_of(example)}
    assert without == {"quote"}


def test_every_page_is_in_a_table_of_contents() -> None:
    index = (EXTENSIONS.parent / "fql" / "index.md").read_text(encoding="utf-8")
    families = [*fql_reference.forms_by_module(), "a-to-z", "cheat-sheet"]
    assert [name for name in families if f"\n_generated/{name}\n" not in index] == []
    linked = {name: text for name, text in fql_reference.pages().items() if name in families}
    for forms in fql_reference.forms_by_module().values():
        module = fql_reference.source_of(forms[0]).__module__.rsplit(".", 1)[-1]
        assert [form.name for form in forms if f"(forms/{form.name}.md)" not in linked[module]] == []
    assert [name for name in fql_reference.variants() if f"(forms/{name}.md)" not in linked["a-to-z"]] == []


# The results and errors that the pages name


RESULTS = fql_facts.read_results()
FAILURES = [
    pytest.param(form, failure.code, expression, id=f"{form}: {failure.code} when {failure.when}")
    for failure in fql_facts.read_failures()
    for form, expression in failure.expressions.items()
]


def test_every_form_has_a_result_of_known_kinds() -> None:
    assert set(RESULTS) == set(fql_reference.variants())
    assert {kind for kinds in RESULTS.values() for kind in kinds} <= set(fql_facts.KINDS)


def is_of_itself(example: fql_examples.Example) -> bool:
    """Whether the outermost form of an example is the one it stands under."""
    from faunadb import query as q
    from faunadb.fql.render import to_wire

    wire = to_wire(q._wrap(example.value()))
    return isinstance(wire, dict) and example.form in wire


def test_most_forms_show_their_result() -> None:
    shown = {each.form for each in EXAMPLES.values() if not each.fails and is_of_itself(each)}
    assert len(shown) > 150


@pytest.mark.parametrize(("form", "code", "expression"), FAILURES)
def test_error(form: str, code: str, expression: str, shared: Database) -> None:
    example = fql_examples.Example(form, fql_examples.qualified(expression), "")
    given = fql_examples.outcome(shared.client, example)
    assert (given.failed, f" {code} at " in given.text) == (True, True), given.text


# The examples


@pytest.mark.filterwarnings("ignore:.*use:DeprecationWarning")
@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str, shared: Database, request: pytest.FixtureRequest) -> None:
    """It gives what is shown, and what it gives is of the kinds that its page names."""
    example = EXAMPLES[name]
    database = shared
    if fql_reference.writes(example):
        database = request.getfixturevalue("fauna_database")
        fql_examples.dataset().build(database.client)
    given = fql_examples.outcome(database.client, example)
    if not fql_examples.fits(example, given):
        pytest.fail(f"{example.expression}\nsays {example.outcome}\ngives {given.text}", pytrace=False)
    if not given.failed and is_of_itself(example):
        kinds = RESULTS[example.form]
        assert any(fql_facts.KINDS[kind](given.value) for kind in kinds), f"not {' or '.join(kinds)}"


@pytest.mark.parametrize("section", fql_examples.read_cheat_sheet())
def test_cheat_sheet(section: str, fauna_database: Database) -> None:
    fql_examples.dataset().build(fauna_database.client)
    for _words, example in fql_examples.read_cheat_sheet()[section]:
        given = fql_examples.outcome(fauna_database.client, example)
        assert not given.failed, f"{example.place}: {given.text}"
        assert fql_reference.javascript_of(example), example.place
