"""Real distributions for the registry: metadata and modules in a temporary folder on ``sys.path``."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_distributions import write_distribution

from flashcrash_core.registry import verified_import

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
