"""``open_store``: the configured storage plugin at the configured or given place."""

from pathlib import Path

import pytest

from flashcrash_core.errors import ConfigError
from flashcrash_core.runtime.launch import open_store


def test_the_store_opens_where_it_is_configured_or_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a location the database is ``run.db``; a given location wins."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local.toml").write_text('[run]\ndb = "mine/a.db"\n')
    for location, expected in ((None, tmp_path / "mine" / "a.db"), (str(tmp_path / "b.db"), tmp_path / "b.db")):
        store = open_store(location)
        assert store.sessions() == []
        store.close()
        assert expected.exists()


def test_a_faulty_storage_table_is_reported_before_anything_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The storage table's faults are named by file and line, and no database is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local.toml").write_text("[storage]\nkeep_snapshots = 0\n")
    with pytest.raises(ConfigError, match=r"^local\.toml:2 storage\.keep_snapshots: "):
        open_store()
    assert not (tmp_path / "var").exists()
