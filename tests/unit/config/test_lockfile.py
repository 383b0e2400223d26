"""plugins.lock as a file: round trip, same bytes for same content, faults by line, and a write that is whole or not at all."""

from pathlib import Path

import pytest

from flashcrash_core.config import LockedDistribution, PluginLock, default_lock_path, normalised, read_lock, write_lock
from flashcrash_core.errors import ConfigError, UsageError

ONE = LockedDistribution(version="1.2", record_sha256="a" * 64, api=1, entry_points={"b": "pkg.b", "a": "pkg.a:thing"})
TWO = LockedDistribution(version="0.1+local", record_sha256="b" * 64, api=2)


def test_round_trip(tmp_path: Path) -> None:
    """What is written is read back, under normalised names; a lock that is not there is None."""
    path = tmp_path / "new" / "plugins.lock"
    assert read_lock(path) is None
    write_lock(path, {"My_Plugin.X": ONE, "another": TWO})
    lock = read_lock(path)
    assert lock == PluginLock(distributions={"another": TWO, "my-plugin-x": ONE})
    assert (lock.get("MY.plugin-x"), lock.get("third")) == (ONE, None)
    assert [entry.name for entry in path.parent.iterdir()] == ["plugins.lock"]


def test_same_content_same_bytes(tmp_path: Path) -> None:
    """Order of names and of entry points does not show: a lock under version control changes only when a plugin does."""
    turned = LockedDistribution(version="1.2", record_sha256="a" * 64, api=1, entry_points={"a": "pkg.a:thing", "b": "pkg.b"})
    write_lock(tmp_path / "x", {"one": ONE, "two": TWO})
    write_lock(tmp_path / "y", {"two": TWO, "one": turned})
    text = (tmp_path / "x").read_text()
    assert text == (tmp_path / "y").read_text()
    assert text.startswith("# Which third-party plugins may run in real mode")
    assert text.index("[distributions.one]") < text.index("[distributions.two]")


def test_an_empty_lock_is_a_lock(tmp_path: Path) -> None:
    """No distribution is a statement of its own: none may run."""
    write_lock(tmp_path / "plugins.lock", {})
    assert read_lock(tmp_path / "plugins.lock") == PluginLock()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format = 2\n", r":1 format: must be 1"),
        ("format = 1\n[distributions.x]\nversion = '1'\napi = 1\n", r":2 distributions\.x\.record_sha256: is missing"),
        (f"[distributions.x]\nversion = '1'\nrecord_sha256 = '{'A' * 64}'\napi = 1\n", r":3 distributions\.x\.record_sha256"),
        (f"[distributions.x]\nversion = '1'\nrecord_sha256 = '{'a' * 64}'\napi = 'x'\n", r":4 distributions\.x\.api"),
        (f"[distributions.X_y]\nversion = '1'\nrecord_sha256 = '{'a' * 64}'\napi = 1\n", r"X_y \(write x-y\)"),
        ("[distributions.x\n", r":1: not valid TOML"),
    ],
)
def test_faults_are_named_by_line(tmp_path: Path, text: str, message: str) -> None:
    """A lock that somebody edited, or that another version wrote, is refused with file, line and key."""
    (tmp_path / "plugins.lock").write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_lock(tmp_path / "plugins.lock")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """The message names it and the option; the old file stays."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file.plugins\.lock: cannot be written: .*--file"):
        write_lock(tmp_path / "file" / "plugins.lock", {})


def test_where_it_lies(tmp_path: Path) -> None:
    """Beside the project's configuration: in config/ when there is such a folder, else in the working directory."""
    assert default_lock_path(tmp_path) == Path("plugins.lock")
    (tmp_path / "config").mkdir()
    assert default_lock_path(tmp_path) == Path("config/plugins.lock")


def test_names_are_normalised() -> None:
    """As package indexes do: case, dots, dashes and underscores do not tell two distributions apart."""
    assert {normalised(name) for name in ("My.Plugin__X", "my-plugin-x", "MY_PLUGIN.X")} == {"my-plugin-x"}
