"""The built wheel is complete: installed on its own it offers the command, every first-party plugin, types and profiles."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "flashcrash_core", "flashcrash_feeds", "flashcrash_indicators", "flashcrash_scoring", "flashcrash_strategies",
    "flashcrash_executors", "flashcrash_storage", "flashcrash_binance",
)  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Wheel and sdist, built from the checkout without touching it."""
    out = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def test_wheel_holds_every_package_with_its_types_and_profiles(built: tuple[Path, Path]) -> None:
    """Kernel and plugin packages stand side by side in the wheel, each marked as typed; tests and tools stay out."""
    names = zipfile.ZipFile(built[0]).namelist()
    for package in PACKAGES:
        assert f"{package}/py.typed" in names
    assert {"flashcrash_core/config/profiles/robust.toml", "flashcrash_core/config/profiles/seed.toml"} <= set(names)
    roots = {name.split("/")[0] for name in names}
    assert {r for r in roots if not r.endswith(".dist-info")} == set(PACKAGES)


def test_sdist_can_be_built_from(built: tuple[Path, Path]) -> None:
    """The source distribution carries what a build needs, and nothing of anybody's environment."""
    with tarfile.open(built[1]) as archive:
        names = archive.getnames()
    assert any(name.endswith("/pyproject.toml") for name in names)
    assert any(name.endswith("plugins/indicators/flashcrash_indicators/volatility.py") for name in names)
    assert not any("/.venv/" in name for name in names)


def test_installed_wheel_runs_and_finds_its_plugins(built: tuple[Path, Path], tmp_path: Path) -> None:
    """From the wheel alone, `python -m flashcrash_core plugins list` names all first-party plugins as loaded."""
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(built[0])]
    subprocess.run(command, check=True, capture_output=True)
    environment = {**os.environ, "PYTHONPATH": str(target)}
    listing = subprocess.run(
        [sys.executable, "-m", "flashcrash_core", "plugins", "list", "--json"],
        capture_output=True, text=True, check=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    where = subprocess.run(
        [sys.executable, "-c", "import flashcrash_core as a, flashcrash_indicators as b; print(a.__file__, b.__file__)"],
        capture_output=True, text=True, check=True, env=environment, cwd=tmp_path,
    )  # fmt: skip
    assert all(str(target) in path for path in where.stdout.split())
    text = json.dumps(json.loads(listing.stdout))
    for plugin in ("simulated", "replay", "volatility", "depth", "weighted", "percentile", "paper", "backtest", "sqlite"):
        assert f'"{plugin}"' in text
