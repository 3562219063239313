"""Docstrings and comments name what is there: a dotted name in single backticks leads to something.

``Class.attribute`` must be an attribute of a class, ``module.name`` a name in a module, ``folder.module`` a module. Names that
begin with anything else, such as those of other packages or of variables, are left alone.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "faunadb"
FILES = sorted(PACKAGE.rglob("*.py"))
DOTTED = re.compile(r"(?<![`\w])`([A-Za-z_]\w*(?:\.\w+)+)(?:\(\))?`(?!`)")


def texts(path: Path) -> Iterator[str]:
    """The docstrings and the comments of a file."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def names_in(node: ast.AST) -> set[str]:
    """All identifiers below a node, and the attributes that ``__slots__`` names."""
    found = set()
    for each in ast.walk(node):
        found.update(
            name
            for name in (getattr(each, "name", None), getattr(each, "attr", None), getattr(each, "id", None))
            if isinstance(name, str)
        )
        if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.isidentifier():
            found.add(each.value)
    return found


@cache
def known() -> dict[str, set[str]]:
    """By the name of a class, module or folder: the names in it. Where several have a name, those of all of them."""
    found: dict[str, set[str]] = {}
    bases: list[tuple[str, str]] = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        stem = path.parent.name if path.stem == "__init__" else path.stem
        found.setdefault(stem, set()).update(names_in(tree))
        found.setdefault(path.parent.name, set()).add(path.stem)
        if path.stem == "__init__":
            found.setdefault(path.parent.parent.name, set()).add(stem)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, set()).update(names_in(node))
                bases += [(node.name, getattr(base, "id", getattr(base, "attr", ""))) for base in node.bases]
    for _ in range(4):  # deeper than any line of classes
        for name, base in bases:
            found[name] |= found.get(base, set())
    return found


def test_dotted_names_lead_to_something() -> None:
    missing = []
    for path in FILES:
        # A file without any such name is not taken apart, which takes long.
        if any(leads_nowhere(name) for name in DOTTED.findall(path.read_text(encoding="utf-8"))):
            named = {name for text in texts(path) for name in DOTTED.findall(text)}
            missing += [f"{path.relative_to(PACKAGE)}: {name}" for name in named if leads_nowhere(name)]
    assert not missing


def leads_nowhere(name: str) -> bool:
    parts = name.split(".")
    return any(part not in known().get(owner, {part}) for owner, part in zip(parts, parts[1:]))


def test_a_name_that_leads_nowhere_is_found() -> None:
    assert leads_nowhere("Store.no_such_method")
    assert not leads_nowhere("storage.base.Store")
    assert DOTTED.findall("`storage.base.Store`, ``json.dumps`` and `Store.write()`") == [
        "storage.base.Store",
        "Store.write",
    ]
    assert {"write", "snapshot"} <= known()["Store"]
    assert "write" in known()["SqlStore"]
    assert "lookups" not in known()["auth"]
