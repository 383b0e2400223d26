"""``flashcrash doctor --feed NAME``: plugins add checks of what they reach out to, and only when they are named."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flashcrash_core.cli.main import app

PLUGIN = """
from attrs import frozen
from flashcrash_core.api import FeedSpec, Finding, PluginInfo, hookimpl
flashcrash_plugin = PluginInfo(api=1, summary="a live feed of a test")

@frozen
class Config:
    port: int = 7

@hookimpl
def flashcrash_feeds():
    return [FeedSpec(name="wire", summary="a wire", config=Config, build=lambda config: None, live=True)]

@hookimpl
def flashcrash_doctor(configs, symbols):
    if "feeds.wire" in configs:
        yield Finding("wire port", "ok", f"{configs['feeds.wire'].port} for {','.join(symbols)}")
        yield Finding("wire current", "warn", "weak", "charge it")
        ENDING
"""


def doctor(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, ending: str = "") -> tuple[int, dict[str, Any]]:
    """Exit code and checks by name, with that plugin configured."""
    (folder / "wire.py").write_text(PLUGIN.replace("ENDING", ending))
    (folder / "local.toml").write_text('plugins = ["+./wire.py"]\n')
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(app, ["doctor", "--json", *arguments])
    checks = {check["check"]: check for check in json.loads(result.stdout)["checks"]}
    return result.exit_code, checks


def test_nobody_is_asked_for_a_feed_that_nobody_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor alone reaches out to nothing, and says how it would."""
    code, checks = doctor(tmp_path, monkeypatch)
    assert code == 0
    assert "wire port" not in checks
    assert "--feed wire" in checks["feed wire"]["found"]


def test_the_named_feed_is_asked_with_its_settings_and_symbols(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugin gets its own config class, --set included, and the symbols; a warning is no failure."""
    code, checks = doctor(tmp_path, monkeypatch, "--feed", "wire", "--symbols", "aaa,bbb", "--set", "feeds.wire.port=9")
    assert code == 0
    assert checks["wire port"]["found"] == "9 for AAA,BBB"
    assert (checks["wire current"]["status"], checks["wire current"]["advice"]) == ("warn", "charge it")


@pytest.mark.parametrize(
    ("ending", "says"),
    [
        ("raise OSError('unplugged')", "OSError: unplugged"),
        ("yield 7", "no Finding"),
        ("yield Finding('a', 'good', 'b')", "ok or warn"),
    ],
)
def test_a_plugin_that_fails_is_a_failed_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, says: str) -> None:
    """What it found before is shown, then the error; exit code 1."""
    code, checks = doctor(tmp_path, monkeypatch, "--feed", "wire", ending=ending)
    assert code == 1
    assert checks["wire port"]["status"] == "ok"
    failed = [check for check in checks.values() if check["status"] == "fail"]
    assert len(failed) == 1
    assert says in failed[0]["found"]


def test_wrong_names_and_settings_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown feed names those that are loaded, a wrong setting its key."""
    code, checks = doctor(tmp_path, monkeypatch, "--feed", "wyre")
    assert code == 1
    assert "wire" in checks["feed wyre"]["advice"]
    code, checks = doctor(tmp_path, monkeypatch, "--feed", "wire", "--set", "feeds.wire.prot=9")
    assert code == 1
    assert "feeds.wire.prot" in checks["configuration"]["found"]
