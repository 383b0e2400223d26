"""The research variant beside a run on trades alone: chosen by the scorer, and never in the way of the run itself."""

from pathlib import Path

import pytest

from flashcrash_core.runtime.comparison import run_with_comparison
from flashcrash_core.runtime.launch import RunRequest

BROKEN = '''
"""A scorer whose research variant cannot be composed."""

from flashcrash_core.api import PluginInfo, Score, ScorerSpec, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="Scores nothing")


class Zero:
    def score(self, context):
        return Score(0.0, {})


@hookimpl
def flashcrash_scorers():
    return [ScorerSpec(name="zero", summary="0", build=lambda config: Zero(), research=lambda config: ("scorer.nonsense=1",))]
'''


@pytest.fixture
def tape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty trades of a made-up symbol, and nothing else in the working directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "TESTUSDT-trades-2025-10-10.csv"
    rows = (f"{n},{100 + n % 3},0.5,50,{1_760_000_000_000 + 100 * n},{'True' if n % 2 else 'False'},True\n" for n in range(40))
    path.write_text("".join(rows), encoding="utf-8")
    return path


def request(tape: Path, **options: object) -> RunRequest:
    return RunRequest(mode="backtest", paths=(tape,), keep=False, **options)  # type: ignore[arg-type]


def test_strict_run_without_a_book_gets_its_variant(tape: Path) -> None:
    """The note names the variant's settings, the missing weights and the best strict score, which follows the weights."""
    research = run_with_comparison(request(tape))["research"]
    assert research["overrides"] == ["scorer.mode=renormalise", "scorer.liquidity_gate=false"]
    assert "imbalance 15, spread 10, liquidity 10), so no strict score passes 65 of 100" in research["note"]
    assert (research["status"], research["trades"], research["pnl_net"]) == ("done", [], 0)
    assert "error" not in research
    moved = ("scorer.weights.spread=0", "scorer.weights.volatility=25")
    note = run_with_comparison(request(tape, overrides=moved))["research"]["note"]
    assert "imbalance 15, liquidity 10), so no strict score passes 75 of 100" in note


def test_no_variant_where_none_applies(tape: Path) -> None:
    """A run that renormalises already has no second one."""
    assert "research" not in run_with_comparison(request(tape, overrides=("scorer.mode=renormalise",)))


def test_failing_variant_leaves_the_report(tape: Path) -> None:
    """The main report is complete; the variant's fault stands in it and in a warning that says how to look closer."""
    (tape.parent / "broken.py").write_text(BROKEN, encoding="utf-8")
    report = run_with_comparison(request(tape, plugins="+./broken.py", overrides=('scorer.use="zero"',)))
    assert (report["status"], report["events"]) == ("done", 40)
    assert set(report["research"]) == {"note", "overrides", "error"}
    assert "scorer.nonsense" in report["research"]["error"]
    (warning,) = (w for w in report["warnings"] if "research variant failed" in w)
    assert warning.endswith("run it alone with --set scorer.nonsense=1")
