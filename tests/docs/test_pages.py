"""Every example of the documentation and of the README runs and prints what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from .pages import Page, blocks, commands

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    path for path in DOCS.rglob("*.md") if "_build" not in path.parts and "_generated" not in path.parts
)
RUNNABLE = ("python", "pycon", "console")


def has_examples(path: Path) -> bool:
    return any(block.language in RUNNABLE for block in blocks(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "path", [path for path in [*PAGES, ROOT / "README.md"] if has_examples(path)], ids=lambda path: path.stem
)
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FAUNA_ENDPOINT", raising=False)
    assert Page(path, tmp_path).run() > 0


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.stem)
def test_blocks_left_out_say_why(path: Path) -> None:
    left_out = [block for block in blocks(path.read_text(encoding="utf-8")) if block.directive == "not run"]
    assert all(len(block.value.split()) >= 3 for block in left_out)


def test_a_wrong_output_fails(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```pycon\n>>> 1 + 1\n3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="Expected"):
        Page(page, tmp_path).run()
    page.write_text("```console\n$ echo one\ntwo\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="expected"):
        Page(page, tmp_path).run()


def test_sessions_are_split_into_commands_and_output() -> None:
    assert commands("$ a\n1\n2\n$ b \\\n  c\n3\n") == [("a", "1\n2\n"), ("b \\\n  c", "3\n")]
