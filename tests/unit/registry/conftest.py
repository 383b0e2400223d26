"""Real distributions for the registry: metadata and modules in a temporary folder on ``sys.path``."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_distributions import SCORER, write_distribution

from flashcrash_core.config import write_lock
from flashcrash_core.registry import TrustPolicy, lock_entry, verified_import

Install = Callable[..., Path]


@pytest.fixture(autouse=True)
def unguarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test starts and leaves without a module of a test plugin and without a guarded distribution."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(verified_import._finder, "guarded", {})
    monkeypatch.setattr(verified_import._finder, "loaded", {})
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a module that a test rewrites must not be read from a cache
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("fctest_", "flashcrash_file_")):
            del sys.modules[name]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """``install(distribution, {entry point: module}, {module: source})`` gives the dist-info folder; undone after the test."""

    def build(distribution: str, points: dict[str, str], sources: dict[str, str], **options: Any) -> Path:
        site = tmp_path / f"{distribution}-{options.get('version', '1.2')}"
        info: Path = write_distribution(site, distribution, points, sources, **options)
        monkeypatch.syspath_prepend(str(site))
        importlib.invalidate_caches()
        return info

    return build


@pytest.fixture
def package(install: Install) -> tuple[Path, Path]:
    """A distribution with the plugin ``one`` in a package; gives its site folder and dist-info."""
    info = install("fctest-dist", {"one": "fctest_pkg.mod"}, {"fctest_pkg/__init__.py": "", "fctest_pkg/mod.py": SCORER})
    return info.parent, info


def lock(folder: Path, *distributions: str) -> TrustPolicy:
    """Lock the distributions as they are; returns the policy of mode real over that lock."""
    path = folder / "plugins.lock"
    write_lock(path, [lock_entry(name) for name in distributions])
    return TrustPolicy(mode="real", lock_file=path)


def edit_module(site: Path, info: Path) -> None:
    """As somebody who touches an installed file, RECORD left as it was."""
    with (site / "fctest_pkg" / "mod.py").open("a") as stream:
        stream.write("\n# one more line\n")
