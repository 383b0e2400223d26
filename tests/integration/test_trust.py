"""Trust at the command line: locking, refusals in mode real, safe mode, and that an unnamed plugin never runs."""

import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from plugin_distributions import flashcrash, write_distribution

HEAD = """\
import os, pathlib
with pathlib.Path(os.environ["FCTEST_TRACE"]).open("a") as trace:
    trace.write(__name__ + "\\n")
from typing import NamedTuple
from flashcrash_core.api import IndicatorSpec, PluginInfo, ScorerSpec, StepIndicator, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="for a test")
"""
INDICATOR = """
class State(NamedTuple):
    rows: list


def step(state, row, params):
    state.rows[0] += 1.0
    return (state.rows[0],), ()


def judge(statistic, baseline, levels, was_fired):
    return statistic[0], False


@hookimpl
def flashcrash_indicators():
    def build(config, context):
        return StepIndicator(step=step, state=State([0.0]), params=None, judge=judge, levels=None)

    return [IndicatorSpec(name="counting", summary="rows", build=build, statistics=("rows",))]
"""
LISTENER = """
@hookimpl
def flashcrash_session_start(session_id):
    with pathlib.Path(os.environ["FCTEST_TRACE"]).open("a") as trace:
        trace.write("started\\n")
"""
SMALL = [
    part
    for key, value in {"calm_s": 30, "quotes_per_s": 5, "trades_per_s": 4, "aftermath_s": 30}.items()
    for part in ("--set", f"feeds.simulated.{key}={value}")
]
SHORT = ["--duration", "20", "--set", "run.snapshot_s=6", "--db", "x.db", "--json", *SMALL]


@frozen
class Place:
    """A working directory, a folder of installed plugins, and what of them was executed."""

    cwd: Path
    site: Path
    trace: Path

    def __call__(self, *arguments: object, code: int = 0, **environ: str) -> "subprocess.CompletedProcess[str]":
        done = flashcrash(self.site, self.cwd, *arguments, FCTEST_TRACE=str(self.trace), **environ)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done

    def document(self, *arguments: object, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def executed(self) -> list[str]:
        return self.trace.read_text().split() if self.trace.exists() else []

    def append(self, module: str, text: str = "# changed\n") -> None:
        with (self.site / f"{module}.py").open("a") as stream:
            stream.write(text)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Two third-party distributions are installed: ``counting``, an indicator, and ``listening``, with session hooks."""
    made = Place(tmp_path / "cwd", tmp_path / "site", tmp_path / "trace")
    made.cwd.mkdir()
    write_distribution(made.site, "fctest-counting", {"counting": "fctest_counting"}, {"fctest_counting": INDICATOR}, head=HEAD)
    write_distribution(made.site, "fctest-listening", {"listening": "fctest_listening"}, {"fctest_listening": LISTENER}, head=HEAD)
    return made


def test_an_installed_plugin_runs_only_when_it_is_named(place: Place) -> None:
    """No command that it is not named to executes a line of it: list, run, detect, config, doctor, lock, sessions, help, pytest."""
    place("run", *SHORT)
    for arguments in (
        ("plugins", "list"),
        ("plugins", "show", "volatility"),
        ("config", "show"),
        ("config", "check"),
        ("doctor",),
        ("plugins", "lock", "counting"),
        ("plugins", "lock", "--check"),
        ("sessions", "list", "--db", "x.db"),
        ("--help",),
    ):
        place(*arguments)
    (place.cwd / "test_nothing.py").write_text("def test_nothing(): pass\n")
    environ = {**os.environ, "PYTHONPATH": str(place.site), "FCTEST_TRACE": str(place.trace)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_nothing.py"]
    done = subprocess.run(command, cwd=place.cwd, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert place.executed() == []
    place("plugins", "list", "--plugins", "+counting")
    assert place.executed() == ["fctest_counting"]


def test_locking_and_mode_real(place: Place) -> None:
    """Unlocked: refused with the command that locks. Locked: past the check. Changed: refused with both hashes and the file."""
    named = ("run", "--mode", "real", "--plugins", "+counting")
    refused = place(*named, code=2).stderr
    assert "plugin counting (fctest-counting 1.2): is not locked in plugins.lock" in refused
    assert "`flashcrash plugins lock counting`" in refused
    locked = place.document("plugins", "lock", "counting")
    assert (locked["lock"], locked["written"], locked["ok"]) == ("plugins.lock", True, True)
    (row,) = locked["distributions"]
    assert (row["distribution"], row["version"], row["api"]) == ("fctest-counting", "1.2", 1)
    assert row["entry_points"] == {"counting": "fctest_counting"}
    assert place.executed() == []
    # The next thing that is wrong: orders need a running market.
    assert "--mode real: the feed does not hear a running market" in place(*named, code=2).stderr
    place.append("fctest_counting")
    before = place.executed()
    changed = place(*named, code=2).stderr
    assert f"record sha256 {row['record_sha256']} locked, " in changed
    assert "fctest_counting.py (changed)" in changed
    assert "running market" not in changed
    assert place.executed() == before


def test_path_plugins_in_mode_real(place: Place) -> None:
    """A file is refused before anything else is said; with leave, the run goes on to the next fault."""
    (place.cwd / "mine.py").write_text(HEAD + LISTENER)
    named = ("run", "--mode", "real", "--plugins", "+./mine.py")
    assert "is a file, not an installed distribution, so that it cannot be locked" in place(*named, code=2).stderr
    assert place.executed() == []
    assert "running market" in place(*named, "--allow-path-plugins", code=2).stderr


def test_all_refusals_at_once(place: Place) -> None:
    """Every plugin that mode real refuses is one line of the same error."""
    (place.cwd / "mine.py").write_text(HEAD + LISTENER)
    lines = place("run", "--mode", "real", "--plugins", "+counting,listening,./mine.py", code=2).stderr.splitlines()
    assert [line.split(" (")[0] for line in lines] == ["error: plugin counting", "error: plugin listening", "error: plugin mine"]
    assert place.executed() == []


def test_the_mode_of_the_configuration_counts(place: Place) -> None:
    """Mode real and the plugins may come from a file or the environment as well."""
    (place.cwd / "local.toml").write_text('plugins = ["+counting"]\n[run]\nmode = "real"\n')
    assert "is not locked" in place("run", code=2).stderr
    (place.cwd / "local.toml").unlink()
    environ = {"FLASHCRASH__RUN__MODE": "real", "FLASHCRASH__PLUGINS": "+counting"}
    assert "is not locked" in place("run", code=2, **environ).stderr
    assert place.executed() == []


def test_check_tells_what_changed(place: Place) -> None:
    """--check writes nothing, ends with 0 while all is as locked, and with 2 and every difference when it is not."""
    assert "there is no such file" in place("plugins", "lock", "--check", "--plugins", "+counting", code=2).stderr
    (place.cwd / "config").mkdir()
    (place.cwd / "config" / "flashcrash.toml").write_text('plugins = ["+counting", "listening"]\n')
    place("plugins", "lock")
    path = place.cwd / "config" / "plugins.lock"
    text = path.read_text()
    assert place.document("plugins", "lock", "--check")["ok"]
    place.append("fctest_counting")
    (place.site / "fctest_listening.py").unlink()
    found = place.document("plugins", "lock", "--check", code=2)
    assert not found["ok"]
    assert [problem for problem in found["problems"] if "fctest_counting.py (changed)" in problem]
    assert [problem for problem in found["problems"] if "fctest_listening.py (is missing)" in problem]
    assert path.read_text() == text
    assert "reinstall it, then lock it" in place("plugins", "lock", code=2).stderr
    assert path.read_text() == text


def test_what_a_lock_holds(place: Place) -> None:
    """With names, entries are added; without, the lock holds what the configuration names; files are pointed out, ours refused."""
    place("plugins", "lock", "counting", "--file", "other.lock")
    place("plugins", "lock", "listening", "--file", "other.lock")
    held = place.document("plugins", "lock", "--check", "--file", "other.lock")["distributions"]
    assert [row["distribution"] for row in held] == ["fctest-counting", "fctest-listening"]
    (place.cwd / "mine.py").write_text("")
    (place.cwd / "local.toml").write_text('plugins = ["+listening", "./mine.py"]\n')
    done = place.document("plugins", "lock", "--file", "other.lock")
    assert [row["distribution"] for row in done["distributions"]] == ["fctest-listening"]
    assert done["warnings"][0].startswith("mine.py: not a plugin of an installed distribution")
    assert "part of flashcrash itself" in place("plugins", "lock", "volatility", code=2).stderr
    assert "cannot be locked; install it from a wheel" in place("plugins", "lock", "./mine.py", code=2).stderr
    assert 'there is no plugin "countin"; did you mean "counting"?' in place("plugins", "lock", "countin", code=2).stderr


def test_paper_runs_warn_of_a_changed_plugin(place: Place) -> None:
    """Outside mode real the run goes on, and its report says that the locked plugin is another one now."""
    place("plugins", "lock", "counting")
    named = ("run", "--plugins", "+counting", *SHORT)
    assert not [w for w in json.loads(place(*named).stdout)["warnings"] if "plugins.lock" in w]
    place.append("fctest_counting")
    warnings = json.loads(place(*named).stdout)["warnings"]
    assert [w for w in warnings if w.startswith("plugin counting (fctest-counting 1.2): is not what plugins.lock says")]
    listed = place("plugins", "list", "--plugins", "+counting")
    assert "is not what plugins.lock says" in listed.stderr


def test_safe_mode_leaves_third_parties_out(place: Place) -> None:
    """A broken third-party plugin of the configuration does not matter; each is one warning, and so is its indicator."""
    place.append("fctest_counting", "raise SystemExit(9)\n")
    text = (
        'plugins = ["+counting", "./gone.py"]\n[indicators.mine]\nuse = "counting"\n[indicators.counting]\n[feeds.theirs]\nx = 1\n'
    )
    (place.cwd / "local.toml").write_text(text)
    place("run", *SHORT, code=2)
    report = json.loads(place("run", "--safe-mode", *SHORT).stdout)
    assert [w for w in report["warnings"] if "safe mode" in w] == [
        "plugin counting: is not a first-party plugin; left out by safe mode",
        "plugin ./gone.py: is not a first-party plugin; left out by safe mode",
        "local.toml:2 indicators.mine: not built, safe mode is on and no loaded plugin offers counting",
        "local.toml:4 indicators.counting: not built, safe mode is on and no loaded plugin offers counting",
    ]
    assert len(report["detection"]["SIMUSDT"]["readings"]) == 8
    assert place.executed() == []
    rows = place.document("plugins", "list", "--safe-mode")["plugins"]
    assert {row["name"] for row in rows if row["status"] == "loaded"} >= {"volatility", "sqlite"}
    assert {row["name"] for row in rows if row["status"] == "listed"} == {"counting", "listening"}


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ('[scorer]\nuse = "theirs"', "scorer.use: there is no first-party scorer"),
        ('[strategy]\nuse = "theirs"', "strategy.use: there is no first-party strategy"),
        ('[executor]\nuse = "theirs"', "executor.use: there is no first-party executor"),
        ('[storage]\nuse = "theirs"', "storage.use: there is no first-party storage"),
        ('[run]\nfeed = "theirs"', "run.feed: there is no first-party feed"),
    ],
)
def test_what_safe_mode_cannot_do_without(place: Place, table: str, kind: str) -> None:
    """A run has one scorer, strategy, executor, store and feed: a left-out one is an error that says so, not another choice."""
    (place.cwd / "local.toml").write_text(f'plugins = ["+counting"]\n{table}\n')
    said = place("run", "--safe-mode", code=2).stderr
    assert kind in said
    assert '"theirs", and safe mode left out counting; choose one of' in said


def test_safe_mode_and_a_named_plugin_contradict(place: Place) -> None:
    """What the command line names is meant: with --safe-mode it is a usage error."""
    for command in (("run",), ("detect", "x.gz"), ("backtest", "x.gz"), ("plugins", "list")):
        said = place(*command, "--safe-mode", "--plugins", "+counting,no:depth", code=2).stderr
        assert said.startswith("error: --plugins names counting, which --safe-mode would leave out"), command
    place("plugins", "list", "--safe-mode", "--plugins", "no:depth")
    assert place.executed() == []


def crash(path: Path) -> None:
    """As if the run had been killed after the snapshot before the last."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sessions SET status = 'crashed'")
        connection.execute("DELETE FROM snapshots WHERE id = (SELECT max(id) FROM snapshots)")
        connection.commit()


def test_resume_in_safe_mode_without_a_listener(place: Place) -> None:
    """A session whose third-party plugin only listens goes on without it, to the same decisions, and says that it did."""
    whole = json.loads(place("run", "--plugins", "+listening", *SHORT).stdout)
    crash(place.cwd / "x.db")
    before = place.executed()
    resumed = place.document("run", "--resume", "last", "--db", "x.db", "--safe-mode")
    assert resumed["decision_hash"] == whole["decision_hash"]
    assert "plugin listening: is not a first-party plugin; left out by safe mode" in resumed["warnings"]
    assert place.executed() == before


@pytest.mark.parametrize("tabled", [False, True])
def test_resume_in_safe_mode_without_an_indicator_is_refused(place: Place, tabled: bool) -> None:
    """The session's rows hold the indicator's values: nothing can be compared without it, and the error says what to do."""
    table = ["--set", "indicators.mine.use=counting"] if tabled else []
    place("run", "--plugins", "+counting", *table, *SHORT)
    crash(place.cwd / "x.db")
    before = place.executed()
    said = place("run", "--resume", "last", "--db", "x.db", "--safe-mode", code=2).stderr
    assert f"was recorded with the indicators {'mine' if tabled else 'counting'}, of plugins that --safe-mode leaves out" in said
    assert "Resume it without --safe-mode" in said
    assert place.executed() == before
    place("run", "--resume", "last", "--db", "x.db")


def documented() -> list[list[str]]:
    """The `$ flashcrash ...` lines of docs/plugins/trust.md, in order."""
    page = Path(__file__).resolve().parents[2] / "docs" / "plugins" / "trust.md"
    lines = re.findall(r"^ *\$ flashcrash (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return [shlex.split(line) for line in lines]


def test_the_commands_of_the_page_work(place: Place) -> None:
    """Each command that docs/plugins/trust.md shows ends well when run in its order, with the plugin that it names installed."""
    write_distribution(place.site, "fctest-vpin", {"vpin": "fctest_vpin"}, {"fctest_vpin": INDICATOR}, head=HEAD)
    lines = documented()
    assert [line[:2] for line in lines].count(["plugins", "lock"]) == 2
    assert len(lines) >= 4
    for line in lines:
        assert place(*line).stdout.strip(), line
