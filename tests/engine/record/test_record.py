"""What the original answered to thousands of recorded queries, ours answers as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.conftest import Database

from .replaying import FILES, replay, report


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.split(".jsonl")[0])
def test_the_record_is_answered_as_the_original_did(db: Database, path: Path) -> None:
    differences = list(replay(db, path))
    assert not differences, f"{len(differences)} answers differ\n{report(differences, examples=3)}"
