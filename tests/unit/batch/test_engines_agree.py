"""Both engines decide alike: same hash, trades, states, counts, scores and readings, whatever the market and the settings."""

import os

import pytest
from engine_pair import batched, request, require_equal
from recorded_data import POL, SPOT, USDM, recorded
from reference_pass import ReferencePass

pytest.importorskip("numba", reason="numba is not installed; there is no batch engine")

SEEDS = int(os.environ.get("FLASHCRASH_SEEDS", "40"))  # `make engines` takes 200
QUIET = ("feeds.simulated.trades_per_s=2", "feeds.simulated.quotes_per_s=2")
TWENTY_MINUTES = ("feeds.simulated.calm_s=820", "feeds.simulated.aftermath_s=200")
SETTINGS: tuple[tuple[str, ...], ...] = (
    (),
    ('detector.entry_states=["ACTIVE", "RECOVERY"]',),
    ("detector.hold_s=0",),
    ('run.price_source="trade"',),
    ("strategy.score_threshold=0", "strategy.volume_ratio=0", "strategy.min_range_pct=0"),
    ("detector.warmup_s=60", "detector.alert_count=1"),
    ("detector.freeze_baselines=false", "strategy.score_threshold=20"),
    ("run.max_silence_s=1",),
    ("risk.max_drawdown_pct=0.01", "strategy.score_threshold=0"),
    ('strategy.levels="rolling_range"', "strategy.score_threshold=0", "strategy.volume_ratio=0"),
)


@pytest.mark.parametrize("block", range(0, SEEDS, 10))
def test_seeded_tapes_of_twenty_minutes(block: int) -> None:
    """Ten seeded markets with a crash, each under other settings."""
    for seed in range(block, min(block + 10, SEEDS)):
        settings = SETTINGS[seed % len(SETTINGS)]
        profile = "seed" if seed % 7 == 3 else None
        require_equal(request(f"run.seed={seed}", *QUIET, *TWENTY_MINUTES, *settings, profile=profile), f"seed {seed}")


@pytest.mark.parametrize("seed", range(3))
def test_two_symbols_share_one_account(seed: int) -> None:
    """While one symbol acts every event of all is taken in turn; asleep each goes its own way."""
    symbols = {"symbols": ("AAAUSDT", "BBBUSDT")}
    report = require_equal(request(f"run.seed={seed}", *QUIET, "strategy.score_threshold=0", **symbols), f"seed {seed}")
    assert set(report["symbols"]) == {"AAAUSDT", "BBBUSDT"}


@pytest.mark.parametrize("cut_s", [15, 16, 17, 18, 20])
def test_a_halt_with_something_open_at_the_end_of_the_data(cut_s: int) -> None:
    """A run that risk halted is halted, also when the data end before the last order does."""
    require_equal(
        request("run.seed=8", *QUIET, f"feeds.simulated.aftermath_s={cut_s}", "risk.max_drawdown_pct=0.0001",
                "strategy.score_threshold=0", "strategy.volume_ratio=0"),
        f"cut {cut_s}",
    )  # fmt: skip


def test_over_the_streaming_accumulator_itself() -> None:
    """With the pass replaced by the accumulator that it must equal, the batch engine reports the same again."""
    asked = request("run.seed=5", *QUIET)
    assert batched(asked, ReferencePass) == batched(asked)


@pytest.mark.slow
@pytest.mark.parametrize("settings", [(), ("detector.hold_s=0", 'detector.entry_states=["ACTIVE", "RECOVERY"]')])
def test_a_recorded_cascade(settings: tuple[str, ...]) -> None:
    """The trades of a whole day with a crash of 42 %, without a book."""
    report = require_equal(request(*settings, paths=(recorded(POL),)))
    assert report["state_seconds"]["ACTIVE"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("warmup_s", [0, 320])
def test_recorded_books(warmup_s: int) -> None:
    """Two captures in a row with snapshot, diffs and quotes; the second goes on where the first ends."""
    report = require_equal(request(f"detector.warmup_s={warmup_s}", paths=tuple(recorded(name) for name in SPOT)))
    assert report["data_tier"] == "L2"


@pytest.mark.slow
def test_recorded_futures() -> None:
    """Diffs chained by previous ids, trades that do not count for the price."""
    require_equal(request("detector.warmup_s=0", "detector.alert_count=1", paths=(recorded(USDM),)))
