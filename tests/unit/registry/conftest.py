"""Real distributions for the registry: metadata and modules in a temporary folder on ``sys.path``."""

import importlib
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Install = Callable[..., None]

HEAD = """\
from attrs import frozen
from flashcrash_core.api import FeedSpec, NoConfig, PluginInfo, ScorerSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="for a test")
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install(distribution, {entry point: module}, {module: source})``; undone after the test."""
    before = set(sys.modules)

    def build(
        distribution: str, points: dict[str, str], sources: dict[str, str], *, version: str = "1.2", head: str = HEAD
    ) -> None:
        folder = tmp_path / distribution
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = "".join(f"{name} = {target}\n" for name, target in points.items())
        (info / "entry_points.txt").write_text(f"[flashcrash]\n{lines}")
        for module, source in sources.items():
            (folder / f"{module}.py").write_text(head + textwrap.dedent(source))
        monkeypatch.syspath_prepend(str(folder))
        importlib.invalidate_caches()

    yield build
    for name in set(sys.modules) - before:
        if name.startswith(("fctest_", "flashcrash_file_")):
            del sys.modules[name]
