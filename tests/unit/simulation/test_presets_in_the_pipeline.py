"""What the presets are for: the shipped pipeline, at its defaults, does on each what its name promises."""

import pytest

from flashcrash_core.runtime.launch import RunRequest, detect, execute


@pytest.fixture
def request_for(tmp_path, monkeypatch):
    """A run of one preset with nothing but the defaults; the working directory is empty, so no configuration is picked up."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def build(preset: str, seed: int) -> RunRequest:
        return RunRequest(mode="paper", overrides=(f"run.seed={seed}", f'feeds.simulated.preset="{preset}"'), keep=False)

    return build


def test_the_calm_wakes_nobody(request_for):
    """Ten minutes of calm have no episode."""
    assert detect(request_for("calm", 1))["episodes"] == []


def test_the_squeeze_alerts_but_the_direction_gate_holds(request_for):
    """An upward squeeze fires enough indicators for ALERT and never becomes ACTIVE."""
    report = detect(request_for("up_squeeze", 1))
    assert report["state_seconds"]["ALERT"] > 0
    assert report["state_seconds"]["ACTIVE"] == 0


@pytest.mark.parametrize("preset", ["crash_and_bounce", "crash_without_bounce"])
def test_the_crash_is_met_and_slept_off(request_for, preset):
    """The detector becomes ACTIVE within the crash's first leg and is back in SLEEP before the market ends."""
    (episode,) = detect(request_for(preset, 1))["episodes"]
    assert 0 < episode["active_us"] - 1_893_456_420_000_000 < 6_000_000
    assert episode["recovery_us"] is not None
    assert episode["sleep_us"] is not None


@pytest.mark.parametrize("seed", [1, 2])
def test_the_default_market_trades_both_ways(request_for, seed):
    """The percentile strategy completes trades, with at least one gain and one loss among them."""
    results = [trade["pnl_net"] for trade in execute(request_for("crash_and_bounce", seed))["trades"]]
    assert any(result > 0 for result in results), results
    assert any(result < 0 for result in results), results
