"""A plugin that the configuration names and nobody has installed any more: every command says where, and what can work does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flashcrash_core.cli.main import app
from flashcrash_core.errors import FlashcrashError

SAID = 'local.toml:2 plugins: there is no plugin "book-drain" (installed: '
DO = "; reinstall it, take it out, or run with --safe-mode"
LOCK = """\
[distributions.flashcrash-book-drain]
version = "0.1.0"
record_sha256 = "{digest}"
api = 1
entry_points = {{book-drain = "flashcrash_book_drain.book_drain"}}
"""
Call = Callable[..., Any]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A command in a folder with one recorded session, whose local.toml names a plugin that is gone."""
    monkeypatch.chdir(tmp_path)

    def run(arguments: str) -> Any:
        return CliRunner().invoke(app, arguments.split())

    assert run("run --duration 2 --json").exit_code == 0
    (tmp_path / "local.toml").write_text('# mine\nplugins = ["+book-drain"]\n')
    return run


def refused(result: Any) -> str:
    """The message of a command that must end with exit code 2."""
    error = result.exception
    assert isinstance(error, FlashcrashError), (error, result.output)
    assert error.exit_code == 2
    return str(error)


@pytest.mark.parametrize("command", ["run --duration 2", "config show", "config check", "plugins lock"])
def test_what_needs_it_says_where_it_is_named_and_what_to_do(call: Call, command: str) -> None:
    """File, line, what is installed, and three ways out; nothing that fails in the same way is recommended."""
    said = refused(call(command))
    assert said.startswith(SAID)
    assert said.endswith(DO)


def test_safe_mode_does_without_it(call: Call) -> None:
    """What the message recommends works."""
    assert call("run --duration 2 --safe-mode --json").exit_code == 0


@pytest.mark.parametrize("command", ["sessions list --json", "sessions show last --json", "sessions verify last --json"])
def test_recorded_sessions_can_be_read_without_it(call: Call, command: str) -> None:
    """The commands over recorded sessions need the store alone: they answer as if the plugin were not named."""
    result = call(command)
    assert result.exit_code == 0, result.exception
    assert json.loads(result.stdout)


def test_a_warning_beside_the_sessions(call: Call) -> None:
    """That something is wrong is said all the same, on standard error."""
    assert f"warning: {SAID}" in call("sessions list").stderr


def test_the_list_shows_it_as_missing(call: Call) -> None:
    """``plugins list`` has a row for it, with the error; the others are loaded."""
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in json.loads(call("plugins list --json").stdout)["plugins"]}
    assert rows["book-drain"]["status"] == "missing"
    assert rows["book-drain"]["error"].startswith(SAID)
    assert rows["volatility"]["status"] == "loaded"


def test_the_doctor_names_it(call: Call) -> None:
    """It is one failed line among the others."""
    result = call("doctor --json")
    assert result.exit_code == 1
    (check,) = [check for check in json.loads(result.stdout)["checks"] if check["check"] == "plugin book-drain"]
    assert check["status"] == "fail"
    assert check["found"].startswith(SAID)


def test_the_check_of_the_configuration_has_it_among_its_faults(call: Call) -> None:
    """Other faults are told in the same breath, also as JSON."""
    Path("local.toml").write_text('# mine\nplugins = ["+book-drain"]\n[run]\nsead = 1\n')
    result = call("config check --json")
    problems = json.loads(result.stdout)["problems"]
    assert problems[0].startswith(SAID)
    assert 'local.toml:4 run.sead: unknown key; did you mean "seed"?' in problems


def test_the_lock_says_locked_but_not_installed(call: Call) -> None:
    """``plugins lock --check`` names distribution, version and what it brings, once."""
    Path("plugins.lock").write_text(LOCK.format(digest="0" * 64))
    assert refused(call("plugins lock --check")) == (
        "flashcrash-book-drain 0.1.0: locked, not installed; install that version, or lock anew without it (it brings book-drain)"
    )


def test_nothing_to_lock(call: Call) -> None:
    """An empty lock is not written in silence: where there is none it stays so, and one that becomes empty is said to."""
    Path("local.toml").unlink()
    result = call("plugins lock")
    assert "nothing to lock: the configuration names no installed third-party plugin" in result.stderr
    assert "plugins.lock was not written" in result.stderr
    assert not Path("plugins.lock").exists()
    Path("plugins.lock").write_text(LOCK.format(digest="0" * 64))
    result = call("plugins lock --json")
    document = json.loads(result.stdout)
    assert (document["written"], document["distributions"]) == (True, [])
    assert "plugins.lock held flashcrash-book-drain and is empty now" in document["warnings"][0]
