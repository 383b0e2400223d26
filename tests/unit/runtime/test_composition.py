"""What composing a run says about it before the first event."""

import pytest

from flashcrash_core.runtime import launch


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("detector.warmup_s=100", "calibration: short (warm-up 100 s instead of 320 s)"),
        ("indicators.volatility.min_samples=100", "calibration: short (volatility.min_samples 100 instead of 240)"),
    ],
)
def test_a_short_calibration_is_said(override: str, said: str) -> None:
    """Less warm-up or fewer samples than the definitions ask for stands in the report's warnings."""
    report = launch.execute(launch.RunRequest(overrides=(override,), duration_s=3, keep=False))
    assert said in report["warnings"]


@pytest.mark.parametrize("profile", ["robust", "seed"])
def test_a_shipped_profile_is_no_short_calibration(profile: str) -> None:
    """Neither profile as shipped is called short."""
    report = launch.execute(launch.RunRequest(profile=profile, duration_s=3, keep=False))
    assert not any("calibration" in warning for warning in report["warnings"])


def test_synthetic_data_is_called_so_everywhere() -> None:
    """A simulated market is synthetic as a whole, per symbol and per reading."""
    report = launch.execute(launch.RunRequest(duration_s=30, keep=False))
    assert report["data_tier"] == report["data"]["SIMUSDT"]["tier"] == "synthetic"
    provenances = {r["provenance"] for r in report["detection"]["SIMUSDT"]["readings"] if r["ready"]}
    assert provenances <= {"synthetic_book", "synthetic_trades"}
    assert any("SYNTHETIC" in warning for warning in report["warnings"])
