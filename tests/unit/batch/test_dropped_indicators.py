"""An indicator whose judgement fails while the detector is awake: quarantined alike in both engines, with all that hangs on it."""

from pathlib import Path

import pytest
from engine_pair import request, require_equal

pytest.importorskip("numba", reason="numba is not installed; there is no batch engine")

FAILS_AWAKE = '''
"""The shipped volatility, whose judgement fails for ratios that only a frozen baseline brings."""

from attrs import evolve

from flashcrash_core.api import IndicatorSpec, PluginInfo, hookimpl
from flashcrash_indicators import volatility

flashcrash_plugin = PluginInfo(api=1, summary="Fails in a crash.")


def judge(statistic, baseline, levels, was_fired):
    value, fired = volatility.judge(statistic, baseline, levels, was_fired)
    if value > FAILS_ABOVE:
        raise ValueError("too high")
    return value, fired


FAILS_ABOVE = {above}


def build(config, context):
    return evolve(volatility.build(config, context), judge=judge)


@hookimpl
def flashcrash_indicators():
    (shipped,) = volatility.flashcrash_indicators()
    return [evolve(shipped, name="failing-volatility", build=build)]
'''


@pytest.mark.parametrize(("seed", "above"), [(2, 184.2), (4, 318.0)])
def test_a_judgement_that_fails_while_awake(seed: int, above: float, tmp_path: Path) -> None:
    """Faults outside SLEEP count, and take the indicator away, and acceleration, judged against its baseline, with it.

    ``above``: a ratio that the market of the seed reaches against the frozen baseline and not against the live one, which the batch
    engine would have found beforehand and refused.
    """
    (tmp_path / "failing.py").write_text(FAILS_AWAKE.replace("{above}", str(above)))
    asked = request(
        f"run.seed={seed}",
        "feeds.simulated.trades_per_s=4",
        "feeds.simulated.quotes_per_s=4",
        'indicators.volatility.use="failing-volatility"',
        plugins=f"+{tmp_path / 'failing.py'}",
    )
    report = require_equal(asked, f"seed {seed}")
    assert report["indicators"]["volatility"]["faults"] > 0
