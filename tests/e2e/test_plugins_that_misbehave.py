"""Plugins that print, that nothing uses, or that play Ctrl-C; and a recorded session that does not decide again."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

CHATTY = '''
"""An indicator that prints, interrupts as if it were the user, and comes with a scorer that nobody asked for."""

import os
from typing import NamedTuple

from flashcrash_core.api import IndicatorSpec, NoConfig, PluginInfo, Score, ScorerSpec, StepIndicator, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="Talks")
print("hello from the import")


class State(NamedTuple):
    rows: list


def step(state, row, params):
    state.rows[0] += 1.0
    if state.rows[0] == 1.0:
        print("hello from a row")
    if state.rows[0] == 100.0 and os.environ.get("CHATTY_INTERRUPTS"):
        raise KeyboardInterrupt
    return (state.rows[0],), ()


def judge(statistic, baseline, levels, was_fired):
    return statistic[0], False


class Scorer:
    def score(self, context):
        return Score(0.0, {})


@hookimpl
def flashcrash_indicators():
    build = lambda config, context: StepIndicator(judge, config, step=step, state=State([0.0]), params=None)
    return [IndicatorSpec(name="chatty", summary="x", config=NoConfig, build=build, statistics=("rows",))]


@hookimpl
def flashcrash_scorers():
    return [ScorerSpec(name="chatty-scorer", summary="x", config=NoConfig, build=lambda config: Scorer())]
'''
SHORT = ("--plugins", "+./chatty.py", "--duration", "20", "--json")
RECORDED = ("--duration", "400", "--json")


@pytest.fixture
def chatty(tmp_path: Path) -> None:
    """The plugin as a file in the working directory."""
    (tmp_path / "chatty.py").write_text(CHATTY)


def change(database: Path, sql: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(sql)
        connection.commit()


@pytest.mark.usefixtures("chatty")
def test_json_stays_one_document_when_a_plugin_prints(cli: Any, small: list[str]) -> None:
    """What plugins print goes to standard error, for a run and for verifying it."""
    done = cli.ok("run", *SHORT, *small, "--db", "x.db")
    assert json.loads(done.out)["status"] == "done"
    assert "hello from the import" in done.err
    assert "hello from a row" in done.err
    verified = cli.ok("sessions", "verify", "last", "--db", "x.db", "--json")
    assert json.loads(verified.out)["equal"] is True
    assert "hello from a row" in verified.err
    assert "decision hash none (no decisions)" in cli.ok("sessions", "verify", "last", "--db", "x.db").out


@pytest.mark.usefixtures("chatty")
def test_what_nothing_uses_is_said(cli: Any, small: list[str]) -> None:
    """A named plugin's scorer stays unused until it is chosen; the report says so, and how to choose it."""
    told = "plugin chatty is loaded, nothing uses its scorer: --set scorer.use=chatty-scorer"
    assert told in cli.ok("run", *SHORT, *small).report["warnings"]
    assert told not in cli.ok("run", *SHORT, *small, "--set", "scorer.use=chatty-scorer").report["warnings"]


@pytest.mark.usefixtures("chatty")
def test_a_plugin_that_plays_ctrl_c_costs_its_reading(cli: Any, small: list[str]) -> None:
    """KeyboardInterrupt from a plugin is a fault with a place; the run goes on to its end."""
    report = cli.ok("run", *SHORT, *small, env={"CHATTY_INTERRUPTS": "1"}).report
    assert report["status"] == "done"
    (fault,) = report["faults"]
    line = next(n for n, text in enumerate(CHATTY.splitlines(), 1) if text.strip() == "raise KeyboardInterrupt")
    assert (fault["call"], fault["message"]) == ("step", f"KeyboardInterrupt (chatty.py:{line})")
    assert f"SIMUSDT: indicator chatty failed once, its reading was missing then: {fault['message']}" in report["warnings"]


def test_a_mistyped_quarantine_touches_no_session(cli: Any, small: list[str], tmp_path: Path) -> None:
    """It is refused with the names that there are, and the session can be resumed as before."""
    cli.ok("run", "--duration", "20", "--json", *small, "--db", "x.db")
    change(tmp_path / "x.db", "UPDATE sessions SET status = 'crashed'")
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        before = list(connection.iterdump())
    message = cli.refused(2, "run", "--resume", "last", "--quarantine", "dept", "--db", "x.db")
    assert message.startswith("error: --quarantine dept: there is no such indicator in this session; it has ")
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        assert list(connection.iterdump()) == before
    cli.refused(2, "run", "--quarantine", "dept", "--db", "new.db", *small)
    assert json.loads(cli.ok("sessions", "list", "--json", "--db", "x.db").out)["sessions"][0]["status"] == "crashed"


def test_a_session_that_does_not_decide_again_names_the_field(cli: Any, small: list[str], tmp_path: Path) -> None:
    """One field, stored and now, in words of verifying; with --json one document and code 4; and what was loaded then."""
    cli.ok("run", *RECORDED, *small, "--db", "x.db")
    change(tmp_path / "x.db", "UPDATE transitions SET reason = 'x' WHERE id = (SELECT min(id) FROM transitions)")
    message = cli.refused(4, "sessions", "verify", "last", "--db", "x.db")
    assert "the transition of SIMUSDT is not the one in the database: reason: stored 'x', now " in message
    assert "crashed session" not in message
    assert "Start a new session" not in message
    change(tmp_path / "x.db", "UPDATE sessions SET plugins = replace(plugins, 'flashcrash ', 'flashcrash 0.0.0-')")
    done = cli("sessions", "verify", "last", "--db", "x.db", "--json")
    document = json.loads(done.out)
    assert (done.code, document["equal"], document["difference"]["field"], document["difference"]["stored"]) == (
        4, False, "reason", "x",
    )  # fmt: skip
    assert document["session"]
    assert "volatility (this session used flashcrash 0.0.0-" in document["warnings"][0]
