"""The pages about the code name what is there, and the picture of the layers is the one that imports are checked by."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

import pictures  # noqa: E402

PAGES = [ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"]
#: Where a path may begin: `storage/base.py` is one of the engine's, `sql_store.py` one of the storage's.
BEGINNINGS = ["", "faunadb", "faunadb/engine", "faunadb/engine/storage", "faunadb/engine/indexes", "docs/fql"]
BEGINNINGS += ["faunadb/cli", "tests/engine/storage"]


def named_paths(page: Path) -> list[str]:
    """What looks like a path: with an ending, or a slash at its end."""
    found = re.findall(r"`([\w./<>-]+)`", page.read_text(encoding="utf-8"))
    return sorted({name for name in found if re.search(r"\w/$|\w\.(py|md|txt|json|toml)$", name)})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_path_that_is_named_exists(page: Path) -> None:
    names = [name for name in named_paths(page) if "<" not in name and name != "dist/"]
    assert len(names) > 30
    missing = [name for name in names if not any((ROOT / begin / name).exists() for begin in BEGINNINGS)]
    assert not missing


def test_the_table_has_every_folder_and_every_file_of_the_engine() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    rows = " ".join(re.findall(r"^\| (`.*?) \|", text, re.MULTILINE))
    named = {name.rstrip("/") for name in re.findall(r"`([\w./]+)`", rows)}
    there = {f"engine/{path.name}" for path in modules(ROOT / "faunadb" / "engine")}
    there |= {path.name for path in modules(ROOT / "faunadb") if path.is_dir()}
    # The driver's own folder is part of its row, the engine's are rows of their own.
    assert named - {"faunadb"} == there - {"engine", "streams"}


def modules(folder: Path) -> list[Path]:
    return [
        path
        for path in folder.iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem != "__init__")
    ]


def contract(container: str) -> list[set[str]]:
    """The layers of a package from pyproject.toml, from the top."""
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for each in settings["tool"]["importlinter"]["contracts"]:
        if each.get("containers") == [container]:
            return [set(layer.split(" | ")) for layer in each["layers"]]
    raise LookupError(container)


def drawn(prefix: str) -> list[str]:
    """The modules in the picture as one reads them, row by row."""
    names = [name for _, boxes in pictures.LAYERS for name, _ in boxes]
    inside = [name.startswith("engine/") for name in names]
    chosen = [name for name, is_inside in zip(names, inside) if is_inside == bool(prefix)]
    return [module for name in chosen for module in name.replace("engine/", "").split(" · ")]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="reads TOML")
@pytest.mark.parametrize(("container", "prefix"), [("faunadb", ""), ("faunadb.engine", "engine/")])
def test_the_picture_is_in_the_order_of_the_contract(container: str, prefix: str) -> None:
    layers = contract(container)
    rank = {module: number for number, layer in enumerate(layers) for module in layer}
    ranks = [rank[module] for module in drawn(prefix)]
    assert ranks == sorted(ranks), drawn(prefix)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="reads TOML")
def test_the_picture_has_all_of_the_engine_and_every_folder() -> None:
    assert set(drawn("engine/")) == set().union(*contract("faunadb.engine"))
    folders = {path.name for path in modules(ROOT / "faunadb") if path.is_dir()}
    assert folders - {"engine"} <= set(drawn(""))
