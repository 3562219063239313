"""Writes the FQL reference from the registry of forms before Sphinx reads its sources.

One page per module of functions, one entry per form: signature, effect, arguments, prose (its docstring), and the
examples, which the tests run.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import fql_examples
from fql_examples import Example

HERE = Path(__file__).resolve().parents[1]
TARGET = HERE / "fql" / "_generated"
EFFECTS = {None: "decided by its parts", 0: "pure", 1: "reads", 2: "writes"}
VERSION = "4"

TITLES = {
    "special": "Special forms",
    "callbacks": "Lambdas over many",
    "selecting": "Selecting",
    "basic": "Comparison and containment",
    "arrays": "Arrays, pages and sets",
    "types": "Type tests",
    "times": "Times and dates",
    "refs": "Refs and ids",
    "auth": "Authentication",
}

#: Forms that the drivers have no plain function for, with what they write instead.
SHAPED = {
    "let": ("q.let", "Let"),
    "ref": ("q.ref", "Ref"),
    "paginate": ("q.paginate", "Paginate"),
    "object": ("{...}", "{...}"),
}


def forms_by_module() -> dict[str, list[Any]]:
    """Module name (last part) -> its forms that exist in version 4, in the order they are written."""
    from faunadb.engine.language import registry

    load_forms()
    found: dict[str, list[Any]] = {}
    for form in registry.FORMS:
        if form.exists_in(VERSION):
            found.setdefault(source_of(form).__module__.rsplit(".", 1)[-1], []).append(form)
    return found


def load_forms() -> None:
    """Import whatever registers forms."""
    import faunadb.engine.functions
    import faunadb.engine.language.parser  # noqa: F401


def source_of(form: Any) -> Any:
    return form.function or form.parse


def module_title(form: Any) -> tuple[str, str]:
    """Title of a page, and its prose: the docstring of the module."""
    name = source_of(form).__module__.rsplit(".", 1)[-1]
    return TITLES.get(name, name.replace("_", " ").capitalize()), inspect.getdoc(
        inspect.getmodule(source_of(form))
    ) or ""


def signature(form: Any) -> str:
    """The form as it stands on the wire, with types in place of the arguments."""
    parts = [f'"{arg.key}": {type_of(arg)}' for arg in form.required]
    parts += [f'"{arg.key}"?: {type_of(arg)}' for arg in form.optional]
    return "{" + ", ".join(parts) + "}"


def type_of(arg: Any) -> str:
    return arg.cast.name if arg.cast is not None else "Any"


def spellings(form: Any) -> list[str]:
    """How the Python and JavaScript drivers call the form."""
    from faunadb.fql.forms import find_function

    if form.name in SHAPED:
        python, javascript = SHAPED[form.name]
        return [f"Python `{python}`", f"JavaScript `{javascript}`"]
    function = next(filter(None, map(find_function, form.key_sets())), None)
    if function is None:
        return []
    python = f"`q.{function.python}`" if function.python else "none"
    return [f"Python {python}", f"JavaScript `{function.javascript}`"]


def entry(form: Any, examples: list[Example]) -> str:
    """The Markdown of one form."""
    lines = [f"## {form.name}", "", "```text", signature(form), "```", ""]
    facts = [*spellings(form), f"effect: {EFFECTS[form.effect]}"]
    if form.since not in ("2.0", "2.1"):
        facts.append(f"since API version {form.since}")
    lines += [" · ".join(facts), ""]
    text = fql_examples.prose(inspect.cleandoc(form.doc))
    if text:
        lines += ["```{eval-rst}", text, "```", ""]
    if examples:
        lines += ["```pycon", *[example.shown() for example in examples], "```", ""]
    return "\n".join(lines)


def examples_of(form: Any, written: dict[str, list[Example]]) -> list[Example]:
    """Docstring examples first, then those of the file that say something else."""
    own = fql_examples.docstring_examples(form.name, inspect.cleandoc(form.doc))
    seen = {example.expression for example in own}
    return own + [each for each in written.get(form.name, []) if each.expression not in seen]


def writes(example: Example) -> bool:
    """Whether a form of the example writes, so that it needs a database of its own."""
    from faunadb._json import to_json
    from faunadb.engine.language import registry

    load_forms()
    names = {form.name for form in registry.FORMS if form.effect == registry.WRITE}
    text = to_json(example.value())
    return any(f'"{name}":' in text for name in names)


def pages() -> dict[str, str]:
    """Module name -> Markdown of its page."""
    written = fql_examples.read_examples()
    found = {}
    for module, forms in sorted(forms_by_module().items()):
        title, text = module_title(forms[0])
        shown: set[str] = set()
        parts = [f"# {title}\n", "```{eval-rst}", text, "```\n"]
        for form in forms:
            examples = [] if form.name in shown else examples_of(form, written)
            shown.add(form.name)
            parts.append(entry(form, examples))
        found[module] = "\n".join(parts)
    return found


def write_pages(app: Any) -> None:
    """Write the pages, leaving files alone that would not change."""
    TARGET.mkdir(parents=True, exist_ok=True)
    current = pages()
    for old in TARGET.glob("*.md"):
        if old.stem not in current:
            old.unlink()
    for module, text in current.items():
        path = TARGET / f"{module}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", write_pages)
    return {"version": "1", "parallel_read_safe": True}
