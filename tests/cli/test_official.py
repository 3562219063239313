"""An official driver that is installed beside this package is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from faunadb.cli import app, serve
from faunadb.cli.official import official_driver


def install(directory: Path, version: str) -> list[str]:
    """What pip leaves of a distribution named faunadb."""
    info = directory / f"faunadb-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: faunadb\nVersion: {version}\n")
    return [str(directory)]


@pytest.mark.parametrize("version", ["2.12.0", "4.0.1", "4.5.2"])
def test_an_official_driver_is_named_with_its_place(tmp_path: Path, version: str) -> None:
    said = official_driver(install(tmp_path, version))
    assert said is not None
    assert f"faunadb {version} " in said
    assert str(tmp_path) in said


@pytest.mark.parametrize("version", ["4.6.0", "4.10.1", "5.0.0.dev1"])
def test_this_package_is_none(tmp_path: Path, version: str) -> None:
    assert official_driver(install(tmp_path, version)) is None


def test_nothing_installed_is_none(tmp_path: Path) -> None:
    assert official_driver([str(tmp_path)]) is None


def test_every_place_is_looked_at(tmp_path: Path) -> None:
    own, official = install(tmp_path / "own", "4.6.0"), install(tmp_path / "official", "4.5.2")
    assert "4.5.2" in str(official_driver(own + official))


def test_serve_says_so_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    monkeypatch.setattr(serve, "run_server", lambda url, **options: served.append(url))
    monkeypatch.syspath_prepend(*install(tmp_path, "4.5.2"))
    outcome = CliRunner().invoke(app.cli, ["serve", "sqlite://"])
    assert "faunadb serve: warning: the official driver faunadb 4.5.2" in outcome.output
    assert served == ["sqlite://"]
