"""Who is first-party: decided by what is shipped and where it lies, never by the name that a metadata folder bears."""

import importlib
import sys
from importlib import metadata
from pathlib import Path

import pytest
from plugin_distributions import SCORER

import flashcrash_core
from flashcrash_core.errors import PluginConflict, PluginContract, PluginError
from flashcrash_core.registry import TrustPolicy, first_party, installed_plugins, load_registry, lock_entry
from flashcrash_core.registry.first_party import SHIPPED, displaced_packages, own_distribution

from .conftest import Install

EVIL = "raise SystemExit(5)"


def own() -> list[str]:
    return sorted(plugin.name for plugin in installed_plugins() if plugin.first_party)


@pytest.mark.parametrize("name", ["flashcrash", "FlashCrash"])
def test_a_name_alone_makes_nobody_first_party(install: Install, name: str) -> None:
    """A folder that bears our name and stands first on the path adds nothing, hides nothing of ours, and is warned of."""
    info = install(
        name, {"evil": "fctest_evil", "weighted": "fctest_evil", "depth": SHIPPED["depth"]}, {"fctest_evil": EVIL}, version="9"
    )
    assert own() == sorted(SHIPPED)
    registry = load_registry()
    assert "fctest_evil" not in sys.modules
    assert {plugin.candidate.name for plugin in registry.plugins} == set(SHIPPED)
    (warning,) = registry.warnings
    assert warning.startswith(f"flashcrash from {info} 9: bears the name of flashcrash and is not this flashcrash; what it brings")
    assert "(evil, weighted) is third-party" in warning
    with pytest.raises(PluginConflict, match=r"claimed by flashcrash 0.* and flashcrash from"):
        load_registry("weighted")
    with pytest.raises(PluginContract, match="is not part of this flashcrash, so that it cannot be locked"):
        lock_entry(f"flashcrash from {info}")
    for allow in (False, True):
        with pytest.raises(PluginError, match=r"plugin evil \(flashcrash from .*\): bears the name.*mode real never loads it"):
            load_registry("+evil", trust=TrustPolicy("real", info / "none.lock", allow_path_plugins=allow))
    assert "fctest_evil" not in sys.modules


def test_a_folder_of_another_name_whose_metadata_says_ours(install: Install) -> None:
    """What METADATA says counts as a claim too, wherever it stands."""
    info = install("fctest-dist", {"evil": "fctest_evil"}, {"fctest_evil": EVIL})
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flashcrash\nVersion: 0.1.0\n")
    importlib.invalidate_caches()
    (evil,) = (plugin for plugin in installed_plugins() if plugin.name == "evil")
    assert (evil.first_party, evil.poses, evil.distribution) == (False, True, f"flashcrash from {info}")


def test_an_entry_point_added_to_our_own_metadata_is_not_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what flashcrash ships is first-party, whatever the metadata folder of the running kernel was made to list."""
    monkeypatch.setattr(first_party, "SHIPPED", {})
    monkeypatch.setattr("flashcrash_core.registry.discovery.SHIPPED", {"paper": "elsewhere"})
    assert own() == []
    assert {plugin.poses for plugin in installed_plugins() if plugin.name in SHIPPED} == {True}


def test_ours_is_the_one_beside_the_kernel(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a wheel's environment the metadata folder beside the kernel, of its version, is ours; no egg-info, no other version."""
    info = install("flashcrash", {"x": "x"}, {"flashcrash_core/__init__.py": ""}, version=flashcrash_core.__version__)
    other = install("flashcrash", {"x": "x"}, {"flashcrash_core/__init__.py": ""}, version="9")
    monkeypatch.setattr(first_party, "_KERNEL", (info.parent / "flashcrash_core" / "__init__.py").resolve())
    moved = other.rename(info.parent / other.name)
    egg = info.parent / "flashcrash.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text((info / "METADATA").read_text())
    claims = [metadata.PathDistribution(path) for path in (egg, moved, info)]
    assert own_distribution(claims) is claims[2]
    assert own_distribution(claims[:2]) is None


@pytest.mark.parametrize("package", ["flashcrash_scoring", "flashcrash_binance"])
@pytest.mark.parametrize("init", [True, False])
def test_a_package_of_our_name_elsewhere_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, init: bool
) -> None:
    """One of our packages that would come from another folder is named with both places, and what needs it is not loaded."""
    front = tmp_path / "front"
    (front / package).mkdir(parents=True)
    if init:
        (front / package / "__init__.py").write_text(EVIL)
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    if init:
        monkeypatch.syspath_prepend(str(front))
    else:  # a folder without __init__.py only counts where no package is found
        monkeypatch.setattr(sys, "path", [str(front)])
    importlib.invalidate_caches()
    found = displaced_packages()
    assert package in found
    assert "but this flashcrash has it at" in found[package]
    if not init:
        return
    assert str(front / package / "__init__.py") in found[package]
    with pytest.raises(PluginError, match=f"package {package}: would be imported from"):
        load_registry(safe_mode=True)
    listed = load_registry(strict=False)
    refused = {problem.plugin for problem in listed.problems}
    assert refused == ({"weighted"} if package == "flashcrash_scoring" else set(SHIPPED))


def test_nothing_is_displaced_here() -> None:
    """The environment that runs the tests has each package where the kernel expects it."""
    assert displaced_packages() == {}


def test_a_foreign_module_in_one_of_our_packages_is_third_party(install: Install, tmp_path: Path) -> None:
    """A distribution that points into our packages is as third-party as any other: not shipped, not loaded unless named."""
    install("fctest-dist", {"extra": "flashcrash_scoring.extra"}, {"fctest_one": SCORER})
    (extra,) = (plugin for plugin in installed_plugins() if plugin.name == "extra")
    assert (extra.first_party, extra.poses) == (False, False)
    with pytest.raises(PluginError, match="is not locked"):
        load_registry("extra", trust=TrustPolicy("real", tmp_path / "none.lock"))
