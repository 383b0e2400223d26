"""What an entry of plugins.lock is made of, and what cannot be locked."""

import importlib
import sys
from importlib import metadata
from pathlib import Path

import pytest
from plugin_distributions import HEAD, SCORER, write_record

from flashcrash_core.errors import PluginContract, PluginNotFound
from flashcrash_core.registry import compare_installed, lock_entry

from .conftest import Install, edit_module


def test_the_hash_does_not_depend_on_where_and_by_what_it_was_installed(install: Install, tmp_path: Path) -> None:
    """Two installations of one wheel have one hash: the installer's own notes and compiled files do not count."""
    arguments = ("fctest-dist", {"one": "fctest_one"}, {"fctest_one": SCORER})
    install(*arguments)
    first = lock_entry("fctest-dist")[1]
    info = install(*arguments, version="1.2.0")
    site = info.parent
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fctest-dist\nVersion: 1.2\n")
    (info / "INSTALLER").write_text("another\n")
    info = info.rename(site / "fctest_dist-1.2.dist-info")
    write_record(site, info, [site / "fctest_one.py", *(info / name for name in ("METADATA", "entry_points.txt", "INSTALLER"))])
    with (info / "RECORD").open("a") as stream:
        stream.write("__pycache__/fctest_one.cpython-311.pyc,,\n")
    importlib.invalidate_caches()
    assert Path(str(metadata.distribution("fctest-dist").locate_file(""))) == site
    assert lock_entry("fctest-dist")[1] == first


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("", {"editable": True}, "is an editable install"),
        ("", {"record": False}, "was installed without a RECORD"),
        ("flashcrash_plugin = PluginInfo(api=int('1'), summary='s')", {"head": ""}, "does not say flashcrash_plugin = PluginInfo"),
        ("def (", {"head": ""}, "is not valid Python"),
    ],
)
def test_what_cannot_be_locked(install: Install, source: str, options: dict[str, object], message: str) -> None:
    """A distribution without a fixed content, or with an api that only running it would tell, is not locked."""
    install("fctest-dist", {"one": "fctest_one"}, {"fctest_one": source}, **options)
    with pytest.raises(PluginContract, match=message):
        lock_entry("fctest-dist")
    assert "fctest_one" not in sys.modules


def test_a_damaged_installation_is_not_locked(package: tuple[Path, Path]) -> None:
    """Locking writes down what was installed, not what somebody edited since; one that is gone is named."""
    edit_module(*package)
    with pytest.raises(PluginContract, match=r"is not as it was installed: fctest_pkg/mod\.py \(changed\); reinstall it"):
        lock_entry("fctest-dist")
    with pytest.raises(PluginNotFound, match="fctest-gone: is not installed"):
        lock_entry("fctest-gone")


def test_two_apis_in_one_distribution_are_refused(install: Install) -> None:
    """One entry of the lock holds one api."""
    other = "flashcrash_plugin = PluginInfo(2, 's')"
    install("fctest-dist", {"a": "fctest_a", "b": "fctest_b"}, {"fctest_a": SCORER, "fctest_b": f"{HEAD}{SCORER}"}, head="")
    with pytest.raises(PluginContract, match=r"fctest_a\.py does not say flashcrash_plugin"):
        lock_entry("fctest-dist")
    install("fctest-two", {"c": "fctest_c", "d": "fctest_d"}, {"fctest_c": HEAD, "fctest_d": other}, head="")
    with pytest.raises(PluginContract, match=r"its plugins declare api 1 \(c\) and api 2 \(d\)"):
        lock_entry("fctest-two")


def test_an_unchanged_distribution_has_no_differences(package: tuple[Path, Path]) -> None:
    """Comparing an entry with the installation that it was made of finds nothing; the entry names the plugins."""
    entry = lock_entry("FCTest_Dist")[1]
    assert entry.entry_points == {"one": "fctest_pkg.mod"}
    assert compare_installed("fctest-dist", entry) == []
