"""Plugins chosen on the command line: one left out, one from a file, one that fails while it runs."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

COUNTING = '''
"""An indicator of a third party: it counts rows, and fails from a given row on."""

from typing import NamedTuple

from attrs import frozen

from flashcrash_core.api import IndicatorSpec, PluginInfo, StepIndicator, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="Counts rows")


class State(NamedTuple):
    rows: list


class Params(NamedTuple):
    fails_from: int


@frozen
class Config:
    fails_from: int = 1_000_000


def step(state, row, params):
    state.rows[0] += 1.0
    if state.rows[0] >= params.fails_from:
        raise ZeroDivisionError("on purpose")
    return (state.rows[0],), ()


def judge(statistic, baseline, levels, was_fired):
    return statistic[0], False


@hookimpl
def flashcrash_indicators():
    def build(config, context):
        return StepIndicator(step=step, state=State([0.0]), params=Params(config.fails_from), judge=judge, levels=None)

    return [IndicatorSpec(name="counting", summary="rows", config=Config, build=build, statistics=("rows",))]
'''
USED = ("--plugins", "+./counting.py", "--set", 'indicators.counting.use="counting"')
SHORT = ("--duration", "20", "--set", "run.snapshot_s=6", "--json")


@pytest.fixture
def counting(tmp_path: Path) -> None:
    """The plugin as a file in the working directory."""
    (tmp_path / "counting.py").write_text(COUNTING)


def readings(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The readings at the end by name."""
    return {reading["name"]: reading for reading in report["detection"]["SIMUSDT"]["readings"]}


@pytest.mark.usefixtures("counting")
def test_plugin_from_a_file(cli: Any, small: list[str]) -> None:
    """An indicator in a file of the user's is loaded by --plugins, configured like any other, read and reported."""
    report = cli.ok("run", *USED, *SHORT, *small).report
    counted = readings(report)["counting"]
    assert counted["ready"]
    assert 195 <= counted["value"] <= 200
    assert report["warnings"] == ["SYNTHETIC market: made by this program, not evidence of detection or profit"]


@pytest.mark.usefixtures("counting")
def test_failing_indicator_is_quarantined(cli: Any, small: list[str], whole: Any, tmp_path: Path) -> None:
    """An indicator that raises costs its own reading and nothing else: the run ends, trades alike, and warns of it."""
    report = cli.ok("run", *USED, "--set", "indicators.counting.fails_from=50", "--db", "x.db", "--json", *small).report
    counted = readings(report)["counting"]
    assert (counted["ready"], counted["value"], counted["reason"]) == (False, None, "quarantined")
    said = next(warning for warning in report["warnings"] if "indicator counting was quarantined" in warning)
    assert "ZeroDivisionError: on purpose" in said
    assert [fault["name"] for fault in report["faults"]] == ["counting"] * 3
    assert report["decision_hash"] == whole.report["decision_hash"]
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        faults = connection.execute("SELECT message, quarantined FROM faults").fetchall()
    assert "ZeroDivisionError: on purpose" in faults[0][0]
    assert [quarantined for _, quarantined in faults] == [0, 0, 1]


@pytest.mark.usefixtures("counting")
def test_resume_brings_its_plugins(cli: Any, small: list[str], comparable: Any, tmp_path: Path) -> None:
    """A session that was started with --plugins is resumed with the same, state of the plugin included."""
    whole = cli.ok("run", *USED, *SHORT, "--db", "x.db", *small).report
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        # As if the run had been killed after the snapshot before the last.
        connection.execute("UPDATE sessions SET status = 'crashed'")
        connection.execute("DELETE FROM snapshots WHERE id = (SELECT max(id) FROM snapshots)")
        connection.commit()
    resumed = cli.ok("run", "--resume", "last", "--db", "x.db", "--json").report
    assert comparable(resumed) == comparable(whole)


def test_plugin_left_out(cli: Any, small: list[str]) -> None:
    """no:NAME leaves one indicator of the profile out of the run; the others are read as before."""
    report = cli.ok("run", "--plugins", "no:depth", *SHORT, *small).report
    assert "depth" not in readings(report)
    assert len(readings(report)) == 7
