"""The pictures of the documentation show what is so, and ask no other host for anything."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))

import pictures  # noqa: E402


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_picture_is_up_to_date(name: str) -> None:
    drawn = (DOCS / "_static" / f"{name}.svg").read_text(encoding="utf-8")
    words = pictures.words(drawn)
    assert len(words) > 10
    assert words == pictures.words(pictures.PICTURES[name]()), "run: python docs/_ext/pictures.py"


def test_the_bars_of_the_chart_are_as_long_as_the_figures_say() -> None:
    drawn = (DOCS / "_static" / "cost.svg").read_text(encoding="utf-8")
    bars = [float(width) for width in re.findall(r'<rect x="\d+" y="\d+" width="([\d.]+)"', drawn)]
    middles = [low * high for _, low, high in pictures.cost_table()]
    assert len(bars) == len(middles)
    assert sorted(range(len(bars)), key=bars.__getitem__) == sorted(range(len(bars)), key=middles.__getitem__)


@pytest.mark.parametrize("path", sorted((DOCS / "_static").glob("*.svg")), ids=lambda path: path.stem)
def test_pictures_ask_no_other_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
    assert not re.search(r"url\([\"']?http|href=[\"']http|@import|src:", text)


def test_the_first_page_shows_them() -> None:
    first = (DOCS / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"_static/(\w+)\.svg", first) == ["overview", "shell", "cost"]
