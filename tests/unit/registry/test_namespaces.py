"""Stray files above, in and beside a plugin's folders: in mode real none of them is executed, whatever the lock says."""

import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from plugin_distributions import SCORER

from flashcrash_core.config import LockedDistribution, write_lock
from flashcrash_core.errors import PluginContract, PluginError
from flashcrash_core.registry import TrustPolicy, load_registry, lock_entry
from flashcrash_core.registry.installation import inspect_installation

from .conftest import Install, lock

# The plugin looks for a faster twin, as many do.
PLUGIN = (
    """
try:
    from fctest_acme.flash import _speed
except ImportError:
    pass
"""
    + SCORER
)
STRAYS = {
    "earlier on the path": (True, "__init__.py"),
    "in site-packages": (False, "__init__.py"),
    "in the inner folder": (False, "flash/__init__.py"),
    "beside the plugin": (False, "flash/_speed.py"),
}
Stray = Callable[[str], None]


@pytest.fixture
def stray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stray:
    """Puts one of STRAYS there, which leaves a trace when it is executed."""

    def put(case: str) -> None:
        in_front, name = STRAYS[case]
        root = tmp_path / "front" if in_front else tmp_path / "fctest-dist-1.2"
        path = root / "fctest_acme" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = path.parent.relative_to(root)
        inner = tmp_path / "fctest-dist-1.2" / folder
        path.write_text(f"import sys\nsys.modules['fctest_executed'] = sys\n__path__ = [{str(path.parent)!r}, {str(inner)!r}]\n")
        if in_front:
            monkeypatch.syspath_prepend(str(root))

    return put


def installed(install: Install, *inits: str) -> Path:
    sources = {"fctest_acme/flash/vp.py": PLUGIN, **dict.fromkeys(inits, "")}
    return install("fctest-dist", {"vp": "fctest_acme.flash.vp"}, sources)


@pytest.mark.parametrize("case", STRAYS)
def test_the_strays_would_run_without_the_lock(install: Install, stray: Stray, case: str) -> None:
    """In paper mode, where nothing is verified, each stray is executed: the attack is real."""
    installed(install)
    stray(case)
    load_registry("vp")
    assert "fctest_executed" in sys.modules


@pytest.mark.parametrize("case", ["nothing stray", *STRAYS])
def test_a_plugin_in_a_namespace_is_not_locked(install: Install, stray: Stray, tmp_path: Path, case: str) -> None:
    """Its top folder has no __init__.py: neither lock nor mode real take it, even with an entry written by hand."""
    installed(install)
    if case in STRAYS:
        stray(case)
    with pytest.raises(PluginContract, match=r"has no fctest_acme/__init__\.py.*cannot be locked; its author must add"):
        lock_entry("fctest-dist")
    found = inspect_installation(metadata.distribution("fctest-dist"))
    entry = LockedDistribution(version="1.2", record_sha256=found.found_sha256, api=1, entry_points=dict(found.entry_points))
    write_lock(tmp_path / "plugins.lock", {"fctest-dist": entry})
    with pytest.raises(PluginError, match=r"has no fctest_acme/__init__\.py.*mode real refuses it; its author must add"):
        load_registry("vp", trust=TrustPolicy("real", tmp_path / "plugins.lock"))
    assert not [name for name in sys.modules if name.startswith("fctest_")]


@pytest.mark.parametrize("inits", [1, 2])
@pytest.mark.parametrize("case", STRAYS)
def test_strays_at_a_locked_plugin_are_refused(install: Install, stray: Stray, tmp_path: Path, case: str, inits: int) -> None:
    """With the top folder a package (and the inner one or not), every stray is refused by its name."""
    installed(install, *("fctest_acme/__init__.py", "fctest_acme/flash/__init__.py")[:inits])
    policy = lock(tmp_path, "fctest-dist")
    stray(case)
    with pytest.raises(PluginError) as caught:
        load_registry("vp", trust=policy)
    expected = {
        "in site-packages": "fctest_acme/__init__.py (changed)",
        "in the inner folder": "(not listed in RECORD)" if inits == 1 else "fctest_acme/flash/__init__.py (changed)",
        "beside the plugin": "fctest_acme/flash/_speed.py (not listed in RECORD)",
        "earlier on the path": "which is not one of the verified files",
    }
    assert expected[case] in str(caught.value)
    assert "fctest_executed" not in sys.modules
    assert "fctest_acme.flash.vp" not in sys.modules


@pytest.mark.parametrize("inits", [1, 2])
def test_an_inner_folder_may_do_without(install: Install, tmp_path: Path, inits: int) -> None:
    """What stands below a package of the distribution is covered by it, so such a plugin is locked and loaded."""
    installed(install, *("fctest_acme/__init__.py", "fctest_acme/flash/__init__.py")[:inits])
    assert "fine" in load_registry("vp", trust=lock(tmp_path, "fctest-dist")).scorers


def test_a_stray_that_appears_after_the_check_is_refused(install: Install, tmp_path: Path) -> None:
    """A file that the plugin's own import creates below its package is not imported either."""
    source = (
        'import pathlib\npathlib.Path(__file__).with_name("_speed.py").write_text("raise SystemExit(5)")\n'
        "import importlib\nimportlib.invalidate_caches()\nimport fctest_acme.flash._speed\n" + SCORER
    )
    sources = {"fctest_acme/__init__.py": "", "fctest_acme/flash/vp.py": source}
    install("fctest-dist", {"vp": "fctest_acme.flash.vp"}, sources)
    with pytest.raises(PluginError, match=r"_speed would be imported from .*_speed\.py, which is not one of the verified files"):
        load_registry("vp", trust=lock(tmp_path, "fctest-dist"))
