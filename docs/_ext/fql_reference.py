"""Writes the FQL reference from the registry of forms before Sphinx reads its sources.

One page per form: signature in both styles and on the wire, result, errors, prose (its docstring), and the examples in
both styles, which the tests run. A page per module of functions lists its forms, and one lists all from A to Z.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

import fql_examples
import fql_facts
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

#: Forms that the drivers have no plain function for: what Python and JavaScript write instead.
SHAPED = {
    "let": ("q.let(bindings, in_expr)", "Let(bindings, in)"),
    "ref": ("q.ref(collection, id)", "Ref(collection, id)"),
    "paginate": (
        "q.paginate(set, size=None, ts=None, after=None, before=None, events=None, sources=None)",
        "Paginate(set, {size, ts, after, before, events, sources})",
    ),
    "match": ("q.match(index, *terms)", "Match(index, ...terms)"),
    "object": ("{...}", "{...}"),
}
WIDTH = 100


def forms_by_module() -> dict[str, list[Any]]:
    """Module name (last part) -> its forms that exist in version 4, in the order they are written."""
    from faunadb.engine.language import registry

    load_forms()
    found: dict[str, list[Any]] = {}
    for form in registry.FORMS:
        if form.exists_in(VERSION):
            found.setdefault(source_of(form).__module__.rsplit(".", 1)[-1], []).append(form)
    return found


def variants() -> dict[str, list[Any]]:
    """Name of a form -> all forms of that name: some have several sets of keys."""
    found: dict[str, list[Any]] = {}
    for forms in forms_by_module().values():
        for form in forms:
            found.setdefault(form.name, []).append(form)
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


# Signatures


def signature(form: Any) -> str:
    """The form as it stands on the wire, with types in place of the arguments."""
    parts = [f'"{arg.key}": {type_of(arg)}' for arg in form.required]
    parts += [f'"{arg.key}"?: {type_of(arg)}' for arg in form.optional]
    return "{" + ", ".join(parts) + "}"


def type_of(arg: Any) -> str:
    return arg.cast.name if arg.cast is not None else "Any"


def function_of(form: Any) -> Optional[Any]:
    """What the drivers call the form, if they have a plain function for it."""
    from faunadb.fql.forms import find_function

    return next(filter(None, map(find_function, form.key_sets())), None)


def python_call(form: Any) -> str:
    """How the Python driver's function is called; empty where there is none."""
    from faunadb import query

    if form.name in SHAPED:
        return SHAPED[form.name][0]
    function = function_of(form)
    if function is None or not function.python:
        return ""
    parameters = inspect.signature(getattr(query, function.python)).parameters.values()
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return f"q.{function.python}{inspect.Signature(plain)}"


def javascript_call(form: Any) -> str:
    """How the JavaScript driver's function is called; empty where there is none."""
    if form.name in SHAPED:
        return SHAPED[form.name][1]
    function = function_of(form)
    if function is None:
        return ""
    spelled = {"": "{}", "?": "{}?", "=": "{}?", "*": "...{}", "[]": "...{}"}
    words = [
        spelled[each.kind].format(own_name(form, function, each))
        for each in function.parameters
        if each.kind != "!"
    ]
    return f"{function.javascript}({', '.join(words)})"


def own_name(form: Any, function: Any, parameter: Any) -> str:
    """The name of an argument: its key, but for the one whose key is the form's, which is called as in Python."""
    from faunadb import query

    if parameter.key != form.name or not function.python:
        return str(parameter.key)
    names = list(inspect.signature(getattr(query, function.python)).parameters)
    return names[function.python_parameters.index(parameter)].strip("_")


def calls(forms: list[Any]) -> list[str]:
    """The lines that show how the forms of one name are written."""
    lines = [("Python", python_call(forms[0])), ("JavaScript", javascript_call(forms[0]))]
    lines += [("wire" if form is forms[0] else "or", signature(form)) for form in forms]
    return [f"{style + ':':<12}{text}" for style, text in lines if text]


# Errors


def cast_errors(forms: list[Any]) -> Iterator[str]:
    """What is said of arguments of the wrong type."""
    seen = set()
    for form in forms:
        for arg in form.args:
            kind = type_of(arg).rstrip("*+")
            if kind.lower() not in ("any", "null") and (arg.key, kind) not in seen:
                seen.add((arg.key, kind))
                yield f"`invalid argument` at `{arg.key}`: {kind} expected"


def errors_of(name: str, forms: list[Any], failures: list[fql_facts.Failure]) -> list[str]:
    lines = list(cast_errors(forms))
    for failure in failures:
        line = f"`{failure.code}` when {failure.when}".replace("when always", "always")
        if name in failure.expressions and line not in lines:
            lines.append(line)
    if forms[0].effect == 2:
        lines.append("`permission denied` when the secret may not do it")
    elif forms[0].effect == 1:
        lines.append("`permission denied` when the secret may not see it")
    return lines or ["none of its own; those of its arguments"]


# Examples


def examples_of(form: Any, written: dict[str, list[Example]]) -> list[Example]:
    """Docstring examples first, then those of the file that say something else."""
    own = fql_examples.docstring_examples(form.name, inspect.cleandoc(form.doc))
    seen = {example.expression for example in own}
    return own + [each for each in written.get(form.name, []) if each.expression not in seen]


def all_examples(forms: list[Any], written: dict[str, list[Example]]) -> list[Example]:
    """The examples of all forms of a name, each once."""
    found: dict[str, Example] = {}
    for form in forms:
        for example in examples_of(form, written):
            found.setdefault(example.setup + example.expression, example)
    return list(found.values())


def javascript_of(example: Example, width: int = WIDTH) -> str:
    """The example in JavaScript style; empty when it has a form that only the wire can say."""
    from faunadb import query as q
    from faunadb.fql import javascript
    from faunadb.fql.render import JAVASCRIPT, render_query, to_wire

    wire = to_wire(q._wrap(example.value()))
    text = render_query(wire, JAVASCRIPT, width)
    return text if _without_no_terms(javascript.parse(text).wire) == _without_no_terms(wire) else ""


def _without_no_terms(wire: Any) -> Any:
    """A query in which `match` without terms is spelled in one way: JavaScript sends an empty list of them."""
    if isinstance(wire, list):
        return list(map(_without_no_terms, wire))
    if isinstance(wire, dict):
        return {key: _without_no_terms(value) for key, value in wire.items() if (key, value) != ("terms", [])}
    return wire


def writes(example: Example) -> bool:
    """Whether a form of the example writes, so that it needs a database of its own."""
    from faunadb._json import to_json
    from faunadb.engine.language import registry

    load_forms()
    names = {form.name for form in registry.FORMS if form.effect == registry.WRITE}
    text = to_json(example.value())
    return any(f'"{name}":' in text for name in names)


# Pages


def form_page(name: str, forms: list[Any], written: dict[str, list[Example]]) -> str:
    """The Markdown of one form."""
    form = forms[0]
    facts = [f"Result: {' or '.join(fql_facts.read_results()[name])}", f"Effect: {EFFECTS[form.effect]}"]
    if form.since not in ("2.0", "2.1"):
        facts.append(f"Since API version {form.since}")
    # An orphan: two hundred more entries in the navigation of every page would help nobody.
    lines = [
        "---",
        "orphan: true",
        "---",
        "",
        f"# {name}",
        "",
        "```text",
        *calls(forms),
        "```",
        "",
        " · ".join(facts),
        "",
    ]
    for each in forms:
        text = fql_examples.prose(inspect.cleandoc(each.doc))
        if text and (each is form or text != fql_examples.prose(inspect.cleandoc(form.doc))):
            lines += ["```{eval-rst}", text, "```", ""]
    lines += [
        "## Errors",
        "",
        *[f"- {line}" for line in errors_of(name, forms, fql_facts.read_failures())],
        "",
    ]
    examples = all_examples(forms, written)
    lines += ["## Examples", "", "```pycon", *[example.shown() for example in examples], "```", ""]
    in_javascript = list(filter(None, map(javascript_of, examples)))
    if in_javascript:
        lines += ["The same in JavaScript style:", "", "```js", *in_javascript, "```", ""]
    return "\n".join(lines)


def first_sentence(form: Any) -> str:
    text = " ".join(fql_examples.prose(inspect.cleandoc(form.doc)).split())
    return text.replace("``", "`").split(". ")[0].rstrip(".:").replace("|", "\\|")


def row(name: str, forms: list[Any], place: str) -> str:
    python, javascript = (text.split("(")[0] for text in (python_call(forms[0]), javascript_call(forms[0])))
    spelled = [f"`{text}`" if text else "" for text in (python, javascript)]
    return f"| [{name}]({place}{name}.md) | {' | '.join(spelled)} | {first_sentence(forms[0])} |"


HEAD = ["| form | Python | JavaScript | |", "|---|---|---|---|"]


def family_page(module: str, forms: list[Any]) -> str:
    """The Markdown of a module of functions: its prose, and its forms."""
    title, text = module_title(forms[0])
    names = list(dict.fromkeys(form.name for form in forms))
    lines = [f"# {title}", "", "```{eval-rst}", text, "```", "", *HEAD]
    lines += [row(name, variants()[name], "forms/") for name in names]
    return "\n".join([*lines, ""])


def alphabet_page() -> str:
    """The Markdown of the list of all forms."""
    lines = ["# A to Z", "", "Every form, by the key that names it on the wire.", "", *HEAD]
    lines += [row(name, forms, "forms/") for name, forms in sorted(variants().items())]
    return "\n".join([*lines, ""])


def cheat_sheet_page() -> str:
    """The Markdown of the cheat sheet."""
    lines = [
        "# Cheat sheet",
        "",
        "In Python with `from faunadb import query as q`, in JavaScript with `const { Get, Ref, ... } = faunadb.query`;",
        "shell and dashboard take both as they are. The names are those of [this small database](../dataset.md).",
        "",
    ]
    for section, shown in fql_examples.read_cheat_sheet().items():
        lines += [f"## {section}", "", "| | Python | JavaScript |", "|---|---|---|"]
        for words, example in shown:
            cells = [example.expression, javascript_of(example, width=10_000)]
            lines.append(f"| {words} | " + " | ".join(f"`{cell}`" for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def pages() -> dict[str, str]:
    """Name of a page, below the directory of generated ones -> its Markdown."""
    written = fql_examples.read_examples()
    found = {module: family_page(module, forms) for module, forms in forms_by_module().items()}
    found["a-to-z"] = alphabet_page()
    found["cheat-sheet"] = cheat_sheet_page()
    for name, forms in variants().items():
        found[f"forms/{name}"] = form_page(name, forms, written)
    return found


def write_pages(app: Any) -> None:
    """Write the pages, leaving files alone that would not change."""
    current = pages()
    for old in TARGET.rglob("*.md"):
        if old.relative_to(TARGET).with_suffix("").as_posix() not in current:
            old.unlink()
    for name, text in current.items():
        path = TARGET / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    app.connect("builder-inited", write_pages)
    return {"version": "1", "parallel_read_safe": True}
