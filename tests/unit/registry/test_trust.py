"""Trust: what is compared with plugins.lock, what is refused in mode real, and that nothing runs before the comparison."""

import importlib.util
import marshal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from plugin_distributions import HEAD, SCORER, write_record

from flashcrash_core.config import read_lock
from flashcrash_core.errors import ConfigError, PluginError
from flashcrash_core.registry import TrustPolicy, load_registry, lock_entry, verified_import

from .conftest import Install, edit_module, lock

OTHER = SCORER.replace('"fine"', '"other"')
Change = Callable[[Path, Path], None]
"""``change(site, dist_info)``."""


def delete_module(site: Path, info: Path) -> None:
    (site / "fctest_pkg" / "mod.py").unlink()


def add_module(site: Path, info: Path) -> None:
    (site / "fctest_pkg" / "extra.py").write_text("")


def add_bytecode(site: Path, info: Path) -> None:
    (site / "fctest_pkg" / "extra.pyc").write_bytes(b"")


def edit_module_and_record(site: Path, info: Path) -> None:
    edit_module(site, info)
    write_record(
        site, info, [*(site / "fctest_pkg").glob("*.py"), info / "METADATA", info / "entry_points.txt", info / "INSTALLER"]
    )


def drop_hash(site: Path, info: Path) -> None:
    lines = (info / "RECORD").read_text().splitlines()
    (info / "RECORD").write_text(
        "\n".join("fctest_pkg/mod.py,," if line.startswith("fctest_pkg/mod.py") else line for line in lines)
    )


def declare_other_api(site: Path, info: Path) -> None:
    path = site / "fctest_pkg" / "mod.py"
    path.write_text(path.read_text().replace("api=1", "api=2"))
    write_record(
        site, info, [*(site / "fctest_pkg").glob("*.py"), info / "METADATA", info / "entry_points.txt", info / "INSTALLER"]
    )


def become_editable(site: Path, info: Path) -> None:
    (info / "direct_url.json").write_text('{"url": "file:///src", "dir_info": {"editable": true}}')


CHANGES: dict[str, tuple[Change, tuple[str, ...]]] = {
    "module edited": (edit_module, ("fctest_pkg/mod.py (changed)", "record sha256", "Reinstall fctest-dist 1.2")),
    "module deleted": (delete_module, ("fctest_pkg/mod.py (is missing)", "record sha256", "api 1 locked, none found")),
    "module added": (add_module, ("fctest_pkg/extra.py (not listed in RECORD)",)),
    "bytecode added": (add_bytecode, ("fctest_pkg/extra.pyc (not listed in RECORD)",)),
    "module and RECORD edited": (
        edit_module_and_record,
        ("RECORD is another one than was locked", "record sha256", "lock it anew with"),
    ),
    "hash dropped from RECORD": (drop_hash, ("fctest_pkg/mod.py (has no hash in RECORD)", "record sha256")),
    "api changed": (declare_other_api, ("api 1 locked, 2 found", "record sha256")),
    "made editable": (become_editable, ("is an editable install", "--allow-path-plugins")),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_plugin_is_refused_before_its_import(package: tuple[Path, Path], tmp_path: Path, case: str) -> None:
    """Whatever changed since the lock is named, with both hashes where they differ, and no module of it was imported."""
    change, words = CHANGES[case]
    policy = lock(tmp_path, "fctest-dist")
    change(*package)
    with pytest.raises(PluginError) as caught:
        load_registry("+one", trust=policy)
    text = str(caught.value)
    assert text.startswith("plugin one (fctest-dist 1.2): ")
    assert all(word in text for word in words), text
    assert "fctest_pkg" not in sys.modules


def test_both_hashes_are_named(package: tuple[Path, Path], tmp_path: Path) -> None:
    """An edited file under an unchanged RECORD gives another hash than the locked one, and the message holds the two."""
    policy = lock(tmp_path, "fctest-dist")
    assert policy.lock_file is not None
    edit_module(*package)
    known = read_lock(policy.lock_file)
    assert known is not None
    locked = known.distributions["fctest-dist"].record_sha256
    with pytest.raises(PluginError) as caught:
        load_registry("one", trust=policy)
    before, _, after = str(caught.value).partition(" locked, ")
    assert before.endswith(f"record sha256 {locked}")
    found = after.split()[0]
    assert len(found) == 64
    assert found != locked
    write_record(
        *package, [*package[0].glob("fctest_pkg/*.py"), *(package[1] / n for n in ("METADATA", "entry_points.txt", "INSTALLER"))]
    )
    assert lock_entry("fctest-dist")[1].record_sha256 == found  # what locking it as it is now would write


def test_another_version_is_refused(install: Install, tmp_path: Path) -> None:
    """An upgrade that nobody locked is named by both versions."""
    install("fctest-dist", {"one": "fctest_one"}, {"fctest_one": SCORER})
    policy = lock(tmp_path, "fctest-dist")
    install("fctest-dist", {"one": "fctest_one"}, {"fctest_one": SCORER}, version="1.3")
    with pytest.raises(PluginError, match=r"version 1\.2 locked, 1\.3 found.*Reinstall fctest-dist 1\.2, or review"):
        load_registry("one", trust=policy)


def test_an_unlocked_plugin_is_refused(package: tuple[Path, Path], tmp_path: Path) -> None:
    """Without a lock, or without an entry in it, the message holds the hash found and the command that locks it."""
    policy = TrustPolicy(mode="real", lock_file=tmp_path / "none.lock")
    entry = lock_entry("fctest-dist")[1]
    with pytest.raises(
        PluginError, match=rf"is not locked in .*none\.lock; found record sha256 {entry.record_sha256}\. .*lock one`"
    ):
        load_registry("one", trust=policy)
    assert "fctest_pkg" not in sys.modules


def test_a_locked_plugin_is_loaded(package: tuple[Path, Path], tmp_path: Path) -> None:
    """What is as it was locked is loaded in mode real, by name and by module, without a warning."""
    policy = lock(tmp_path, "fctest-dist")
    registry = load_registry("+one", trust=policy)
    assert ("fine" in registry.scorers, registry.warnings) == (True, ())
    assert "fine" in load_registry("fctest_pkg.mod", trust=policy).scorers


def test_first_party_plugins_need_no_lock(tmp_path: Path) -> None:
    """They are part of the distribution that does the checking."""
    registry = load_registry(trust=TrustPolicy(mode="real", lock_file=tmp_path / "none.lock"))
    assert len(registry.plugins) >= 17


def test_all_problems_come_at_once_and_nothing_was_imported(install: Install, tmp_path: Path) -> None:
    """An unlocked, a changed and a path plugin are three lines of one error; the good one beside them is not imported either."""
    for name in ("good", "edited", "unlocked"):
        install(f"fctest-{name}", {name: f"fctest_{name}"}, {f"fctest_{name}": SCORER.replace("fine", name)})
    policy = lock(tmp_path, "fctest-good", "fctest-edited")
    (tmp_path / "fctest-edited-1.2" / "fctest_edited.py").write_text("")
    (tmp_path / "loose.py").write_text("")
    selection = f"+good,edited,unlocked,{tmp_path / 'loose.py'}"
    before = set(sys.modules)
    with pytest.raises(PluginError) as caught:
        load_registry(selection, trust=policy)
    assert [line.split()[1] for line in str(caught.value).splitlines()] == ["edited", "unlocked", "loose"]
    assert not [name for name in set(sys.modules) - before if name.startswith(("fctest_", "flashcrash_file_"))]
    registry = load_registry(selection, trust=policy, strict=False)
    assert list(registry.scorers)[-1] == "good"
    assert [problem.plugin for problem in registry.problems] == ["edited", "unlocked", "loose"]


def held() -> ModuleType:
    module = ModuleType("fctest_held")
    exec(compile(HEAD + OTHER, "fctest_held.py", "exec"), vars(module))  # noqa: S102
    return module


@pytest.mark.parametrize("case", ["file", "module", "editable", "no RECORD", "object"])
def test_path_plugins_need_leave_in_real_mode(install: Install, tmp_path: Path, case: str) -> None:
    """What cannot be locked is refused in mode real, and with --allow-path-plugins loaded and warned of."""
    objects = None
    match case:
        case "file":
            (tmp_path / "loose.py").write_text(HEAD + OTHER)
            selection = str(tmp_path / "loose.py")
        case "module":
            install("fctest-dist", {}, {"fctest_loose/__init__.py": "", "fctest_loose/mod.py": OTHER})
            selection = "fctest_loose.mod"
        case "object":
            selection, objects = "loose", {"loose": held()}
        case _:
            install(
                "fctest-dist",
                {"loose": "fctest_loose"},
                {"fctest_loose": OTHER},
                editable=case == "editable",
                record=case != "no RECORD",
            )
            selection = "loose"
    none = tmp_path / "none.lock"
    before = set(sys.modules)
    with pytest.raises(PluginError, match=r"so that it cannot be locked and mode real refuses it; .*--allow-path-plugins"):
        load_registry(selection, trust=TrustPolicy(mode="real", lock_file=none), objects=objects)
    assert not [name for name in set(sys.modules) - before if name.startswith(("fctest_loose", "flashcrash_file_"))]
    registry = load_registry(selection, trust=TrustPolicy("real", none, allow_path_plugins=True), objects=objects)
    assert list(registry.scorers) == ["other"]
    assert "loaded unchecked by --allow-path-plugins" in registry.warnings[0]
    assert load_registry(selection, trust=TrustPolicy(lock_file=none), objects=objects).warnings == ()


def test_allowing_path_plugins_does_not_allow_unlocked_ones(package: tuple[Path, Path], tmp_path: Path) -> None:
    """A distribution that could be locked must be."""
    with pytest.raises(PluginError, match="is not locked"):
        load_registry("one", trust=TrustPolicy("real", tmp_path / "none.lock", allow_path_plugins=True))


@pytest.mark.parametrize("mode", ["paper", "backtest"])
def test_other_modes_warn_of_a_changed_plugin(package: tuple[Path, Path], tmp_path: Path, mode: str) -> None:
    """Outside mode real a locked plugin that changed is loaded with a warning, an unlocked one without."""
    policy = lock(tmp_path, "fctest-dist")
    assert load_registry("one", trust=TrustPolicy(mode, policy.lock_file)).warnings == ()
    edit_module(*package)
    registry = load_registry("one", trust=TrustPolicy(mode, policy.lock_file))
    assert "fine" in registry.scorers
    assert "fctest_pkg/mod.py (changed)" in registry.warnings[0]
    assert registry.warnings[0].endswith("(mode real would refuse it)")
    assert load_registry("one", trust=TrustPolicy(mode, tmp_path / "none.lock")).warnings == ()


def test_a_lock_that_cannot_be_read(package: tuple[Path, Path], tmp_path: Path) -> None:
    """It is an error in mode real and a warning elsewhere; without third-party plugins nobody reads it."""
    path = tmp_path / "plugins.lock"
    path.write_text('format = 1\n[distributions.fctest-dist]\nversion = "1.2"\nrecord_sha256 = "abc"\napi = 1\n')
    with pytest.raises(ConfigError, match=r"plugins\.lock:4 distributions\.fctest-dist\.record_sha256"):
        load_registry("one", trust=TrustPolicy("real", path))
    assert "were not compared with it" in load_registry("one", trust=TrustPolicy(lock_file=path)).warnings[0]
    assert load_registry(trust=TrustPolicy("real", path)).warnings == ()


def test_planted_bytecode_is_not_executed(install: Install, tmp_path: Path) -> None:
    """A .pyc beside a verified source, which Python would prefer and RECORD does not vouch for, is passed over in mode real."""
    info = install("fctest-dist", {"one": "fctest_one"}, {"fctest_one": SCORER})
    source = info.parent / "fctest_one.py"
    planted = Path(importlib.util.cache_from_source(str(source)))
    planted.parent.mkdir()
    unchecked = (1).to_bytes(4, "little")  # PEP 552: a hash that is never compared
    code = compile(HEAD + OTHER, str(source), "exec")
    planted.write_bytes(importlib.util.MAGIC_NUMBER + unchecked + bytes(8) + marshal.dumps(code))
    assert list(load_registry("one", trust=lock(tmp_path, "fctest-dist")).scorers) == ["fine"]
    del sys.modules["fctest_one"]
    verified_import._finder.guarded.clear()
    assert list(load_registry("one").scorers) == ["other"]  # the attack is real where nothing guards


def test_a_file_that_changes_after_the_check_is_not_executed(install: Install, tmp_path: Path) -> None:
    """Each module is compiled from the bytes that were hashed, so that a change between check and import is found."""
    source = (
        'import pathlib\npathlib.Path(__file__).with_name("second.py").write_text("raise SystemExit(5)")\n'
        "import fctest_pkg.second\n" + SCORER
    )
    install(
        "fctest-dist",
        {"one": "fctest_pkg.mod"},
        {"fctest_pkg/__init__.py": "", "fctest_pkg/mod.py": source, "fctest_pkg/second.py": ""},
    )
    with pytest.raises(PluginError, match=r"second\.py of fctest-dist 1\.2 changed after it was verified"):
        load_registry("one", trust=lock(tmp_path, "fctest-dist"))


def test_a_file_that_stands_in_front_is_not_imported(
    package: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module of the same name earlier on the module path is refused, not imported in place of the verified one."""
    policy = lock(tmp_path, "fctest-dist")
    front = tmp_path / "front" / "fctest_pkg"
    front.mkdir(parents=True)
    (front / "__init__.py").write_text("raise SystemExit(5)")
    monkeypatch.syspath_prepend(str(front.parent))
    with pytest.raises(PluginError, match=r"would be imported from .*front.*, which is not one of the verified files"):
        load_registry("one", trust=policy)


def test_a_module_that_was_imported_before_the_check_is_refused(package: tuple[Path, Path], tmp_path: Path) -> None:
    """What is in the process already cannot be vouched for any more."""
    load_registry("one")
    with pytest.raises(PluginError, match=r"fctest_pkg, fctest_pkg\.mod was imported before it could be checked; start again"):
        load_registry("one", trust=lock(tmp_path, "fctest-dist"))
