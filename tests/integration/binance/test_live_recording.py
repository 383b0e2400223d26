"""A live run over real sockets and its recording decide alike, whatever went wrong on the way."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flashcrash_core.api import RecordingOptions
from flashcrash_core.market.recordings import recordings_among
from flashcrash_core.runtime.launch import execute
from flashcrash_core.runtime.request import RunRequest

SYMBOLS = ("SIMUSDT", "ALTUSDT")
QUICK = (
    # A market ten times as fast as a real one crashes 34 s after it began: baselines of 15 s are warm by then.
    "detector.warmup_s=15",
    *(f"indicators.{name}.baseline_s=15" for name in ("volatility", "spread", "volume_delta", "message_velocity", "depth")),
    *(f"indicators.{name}.min_samples=5" for name in ("volatility", "spread", "volume_delta", "message_velocity", "depth")),
)


@pytest.fixture
def exchange(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """A local exchange with two simulated markets and the faults of the parameter; its addresses."""
    words = ("exchange", "--symbols", ",".join(SYMBOLS), "--speed", "10", "--seed", "3", "--faults", request.param)
    process = subprocess.Popen([sys.executable, "-m", "flashcrash_core", *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize("exchange", ["lose=0.01%,corrupt=0.01%,reorder=0.1%,duplicate=1%,drop@9s,gap@12s,gap@42s"], indirect=True)
def test_a_live_run_and_its_recording_decide_alike(exchange: dict[str, str], tmp_path: Path) -> None:
    """Through a crash, with lost, broken and reordered messages, a dropped connection and holes: the same events, trades and
    decision hash from the files, which were begun anew every five seconds."""
    settings = (f"feeds.binance.rest={exchange['rest']}", f"feeds.binance.ws={exchange['ws']}", "feeds.binance.verify_s=2", *QUICK)
    options = RecordingOptions(folder=tmp_path / "recording", rotate_s=5, min_free_bytes=0)
    live = execute(RunRequest(feed="binance", symbols=SYMBOLS, overrides=settings, duration_s=45, keep=False, record=options))
    replay = execute(
        RunRequest(paths=recordings_among([tmp_path / "recording"], SYMBOLS), symbols=SYMBOLS, overrides=settings, keep=False)
    )
    health = live["feed_health"]
    assert health["rejected"], health
    assert sum(one["holes"] for one in health["symbols"].values()), health
    assert health["recording"]["lines_lost"] == 0
    assert len(list((tmp_path / "recording").rglob("*.gz"))) >= 18
    assert live["decision_hash"].strip("0"), "the live run decided nothing: nothing was compared"
    different = {"input", "wall_s", "warnings", "feed_health", "session", "session_db", "plugins"}
    assert {k: v for k, v in replay.items() if k not in different} == {k: v for k, v in live.items() if k not in different}
