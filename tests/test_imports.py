"""The contracts of pyproject.toml about what may import what (docs/architecture.md, "Layers")."""

from __future__ import annotations

import logging.config
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.skipif(sys.version_info < (3, 11), reason="import-linter needs Python 3.11")
def test_imports_go_downwards(monkeypatch, capsys):
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))  # which it adds to
    # It would silence every logger that it does not know, for all tests after it.
    monkeypatch.setattr(logging.config, "dictConfig", lambda settings: None)
    assert lint_imports(no_cache=True) == EXIT_STATUS_SUCCESS, capsys.readouterr().out
