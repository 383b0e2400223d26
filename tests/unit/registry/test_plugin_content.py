"""Digests of plugins: every file of what brings one counts, wherever it is installed."""

import shutil
import sys
from pathlib import Path

import pytest
from plugin_distributions import SCORER, write_distribution

from flashcrash_core.registry import Registry, load_registry

SOURCES = {"{0}/__init__.py": "", "{0}/main.py": SCORER, "{0}/formulas.py": "X = 1\n", "{0}_extra.py": "Y = 1\n"}


def installed(site: Path, package: str, *, editable: bool = False) -> None:
    """A distribution of a package with two modules and a module beside it."""
    sources = {name.format(package): text for name, text in SOURCES.items()}
    write_distribution(site, f"{package}-dist", {f"{package}-plugin": f"{package}.main"}, sources, editable=editable)


def loaded(package: str, monkeypatch: pytest.MonkeyPatch, site: Path) -> Registry:
    """The registry with that plugin only."""
    monkeypatch.syspath_prepend(str(site))
    return load_registry(f"{package}-plugin")


@pytest.mark.parametrize("file", ["{0}/main.py", "{0}/formulas.py", "{0}_extra.py", "{0}/new.py", "{0}/weights.json"])
def test_every_file_of_a_distribution_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    """Its main module, another one, one outside the package that RECORD lists, and files that RECORD does not list."""
    package = "counted_" + "".join(filter(str.isalnum, file))
    installed(tmp_path, package)
    registry = loaded(package, monkeypatch, tmp_path)
    before = registry.contents()
    assert registry.contents() == before
    with (tmp_path / file.format(package)).open("a") as stream:
        stream.write("# edited\n")
    assert registry.contents() != before


def test_an_editable_install_counts_by_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no fixed content that RECORD could hold: what lies there counts, and bytecode does not."""
    installed(tmp_path, "worked_on", editable=True)
    registry = loaded("worked_on", monkeypatch, tmp_path)
    before = registry.contents()
    cache = tmp_path / "worked_on" / "__pycache__"
    cache.mkdir(exist_ok=True)
    (cache / "formulas.cpython-311.pyc").write_bytes(b"made of it")
    assert registry.contents() == before
    (tmp_path / "worked_on" / "formulas.py").write_text("X = 2\n")
    assert registry.contents() != before


def test_the_place_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same wheel in another environment is the same plugin."""
    installed(tmp_path / "here", "moved_about")
    registry = loaded("moved_about", monkeypatch, tmp_path / "here")
    before = registry.contents()
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    for name in ("moved_about", "moved_about.main"):
        del sys.modules[name]
    sys.path.remove(str(tmp_path / "here"))
    assert loaded("moved_about", monkeypatch, tmp_path / "there").contents() == before


def test_first_party_plugins_count_with_the_venue_package_that_they_use() -> None:
    """All of one package have one digest, and each has one."""
    registry = load_registry()
    contents = registry.contents()
    assert contents.keys() == registry.versions().keys()
    assert contents["tardis"] == contents["bulk"] != contents["volatility"]
    assert all(len(digest) == 64 for digest in contents.values())
