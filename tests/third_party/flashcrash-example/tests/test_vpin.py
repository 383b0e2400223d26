"""VPIN keeps flashcrash's contract, gives the published figures, and bounds its work."""

import random
from math import isnan, sqrt
from typing import Any

import pytest
from flashcrash_core.api import UNHEALTHY_GAP, FeatureRow, StepIndicator
from flashcrash_core.testing import EPOCH_US, QUICK, IndicatorContract, drive, row

from flashcrash_example.daily_volume import BLOCK_ROWS, BLOCKS_PER_DAY, day_volume, new_day_volume
from flashcrash_example.vpin import VpinConfig, build, bulk_buy_share, judge

SMALL = {"bucket_notional": 2000.0, "buckets": 10, "min_samples": 20, "history_buckets": 200}


class TestVpin(IndicatorContract):
    plugin = "vpin"


class TestVpinWithSmallBuckets(IndicatorContract):
    """The same contract where buckets are of one size and the flag can fire."""

    plugin = "vpin"
    config = SMALL
    effort = QUICK


def program(**settings: Any) -> StepIndicator:
    """Without a warm-up, so that a few rows are enough."""
    return build(VpinConfig(**{"warmup_s": 0, **settings}), None)  # type: ignore[arg-type]  # the context is not looked at


def rows(*trading: tuple[float, float], **fields: Any) -> list[FeatureRow]:
    """One row for each (bought, sold) pair."""
    return [
        row(EPOCH_US + (i + 1) * 100_000, buy_notional=buy, sell_notional=sell, **fields) for i, (buy, sell) in enumerate(trading)
    ]


def test_published_vector() -> None:
    """Five buckets of 100 with |Vb - Vs| of 20, 40, 60, 80 and 0 give 200 / 500."""
    out = drive(program(bucket_notional=100.0, buckets=5), rows((60, 40), (30, 70), (20, 80), (10, 90), (50, 50)))
    values = [statistic[0] for statistic, _ in out]
    assert all(map(isnan, values[:4]))
    assert values[4] == pytest.approx(0.40, abs=1e-15)


def test_bulk_volume_classification_vector() -> None:
    """A fall of 1.2 deviations reads as 11.506967 bought of 100."""
    assert 100 * bulk_buy_share(-1.2, 1.0) == pytest.approx(11.506967, abs=5e-7)


def test_trading_is_split_at_bucket_ends() -> None:
    """However the same trading is cut into rows of one side's share, the buckets hold the same."""
    whole = drive(program(bucket_notional=100.0, buckets=2), rows((150, 50)))
    pieces = drive(program(bucket_notional=100.0, buckets=2), rows(*[(15, 5)] * 10))
    assert whole[-1][0][0] == pytest.approx(0.5)
    assert pieces[-1][0][0] == pytest.approx(0.5)


def test_a_row_may_fill_any_number_of_buckets_in_bounded_work() -> None:
    """A row of 10^12 buckets ends at once, with every bucket of its one share, and the next row goes on from its remainder."""
    indicator = program(bucket_notional=1.0, buckets=5)
    out = drive(indicator, rows((7.5e11, 2.5e11), (0.0, 1e3)))
    assert out[0][0][0] == pytest.approx(0.5)
    assert out[1][0][0] == pytest.approx(1.0)
    assert len(indicator.state.past) <= 20


def test_volume_and_volatility_stand_beside_it() -> None:
    """Volume is the rate of the buckets over the day's, volatility the root mean square return over a bucket."""
    indicator = program(bucket_notional=100.0, buckets=3)
    quiet = rows(*[(5, 5)] * BLOCK_ROWS, price=100.0)
    busy = [one._replace(price=100.0 * 1.01 ** (i + 1)) for i, one in enumerate(rows(*[(50, 50)] * 4))]
    drive(indicator, quiet)
    (_, _, ratio, volatility), _ = drive(indicator, busy)[-1]
    assert ratio == pytest.approx(10.0)
    assert volatility == pytest.approx(0.00995033, rel=1e-5)


def test_auto_size_is_a_share_of_the_volume_so_far() -> None:
    """Without a size nothing is bucketed in the first minute; then a bucket is the share of what was traded before it."""
    indicator = program(buckets=2, bucket_share=0.5)
    out = drive(indicator, rows(*[(6, 4)] * (2 * BLOCK_ROWS)))
    values = [statistic[0] for statistic, _ in out]
    first = next(i for i, value in enumerate(values) if not isnan(value))
    assert first == 2 * BLOCK_ROWS - 2  # the row that ends the first minute opens the first bucket
    assert values[first] == pytest.approx(0.2)
    assert indicator.state.sizes == [5.0 * BLOCK_ROWS] * 2


def test_nothing_is_read_before_the_warm_up() -> None:
    """However many buckets are full, the first reading comes with the last row of the warm-up."""
    out = drive(program(bucket_notional=100.0, buckets=2, warmup_s=3), rows(*[(60, 40)] * 30))
    assert [isnan(statistic[0]) for statistic, _ in out] == [True] * 29 + [False]


def test_the_day_forgets_what_is_older_than_a_day() -> None:
    """It is the sum of the last 1440 minutes, and before that of as many as there were."""
    state = new_day_volume()
    seen = [day_volume(state, 1.0 if i < BLOCK_ROWS else 2.0) for i in range(BLOCK_ROWS * 2)]
    assert seen[BLOCK_ROWS - 2] == 0.0
    assert seen[BLOCK_ROWS - 1] == BLOCK_ROWS
    assert seen[-1] == 3.0 * BLOCK_ROWS
    state.at[0], state.at[1] = 0, BLOCKS_PER_DAY  # as after a day: the next minute takes the place of the first
    state.blocks[:] = [7.0] * BLOCKS_PER_DAY
    last = [day_volume(state, 0.0) for _ in range(BLOCK_ROWS)][-1]
    assert last == 7.0 * (BLOCKS_PER_DAY - 1)


def test_a_gap_drops_the_open_bucket() -> None:
    """What was traded in the gap is unknown, so the bucket around it is not finished as if nothing were missing."""
    given = rows((60, 0), (0, 50), (0, 50), (50, 50))
    whole = drive(program(bucket_notional=100.0, buckets=2), given)
    given[1] = given[1]._replace(unhealthy=UNHEALTHY_GAP)
    holed = drive(program(bucket_notional=100.0, buckets=2), given)
    assert whole[-1][0][0] == pytest.approx((20 + 60) / 200)
    assert holed[-1][0][0] == pytest.approx((100 + 0) / 200)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 1e300])
def test_impossible_amounts_count_as_no_trading(bad: float) -> None:
    """A row with a broken amount changes nothing."""
    good = [(60, 40), (30, 70), (20, 80)]
    clean = drive(program(bucket_notional=100.0, buckets=3), rows(*good))[-1]
    mixed = drive(program(bucket_notional=100.0, buckets=3), rows(good[0], (bad, 5.0), good[1], (5.0, bad), good[2]))[-1]
    assert mixed[0][0] == clean[0][0]


def test_fires_at_quantiles_of_a_past_that_does_not_overlap() -> None:
    """The levels are order statistics of the values that share no bucket with the present ones; the present cannot raise them."""
    seed = 20260401
    random.seed(seed)
    indicator = program(bucket_notional=100.0, buckets=4, min_samples=50, history_buckets=60, trigger=0.9, release=0.5)
    shares = [random.uniform(0.3, 0.7) for _ in range(120)]
    calm = drive(indicator, rows(*[(100 * share, 100 * (1 - share)) for share in shares]))
    ends = [statistic[0] for statistic, _ in calm if not isnan(statistic[0])]
    past = sorted(ends[-64:-4])
    assert calm[-1][1] == (past[int(0.9 * 59)], past[int(0.5 * 59)]), f"seed {seed}"
    levels = calm[-1][1]
    assert judge((levels[0],), levels, None, False) == (levels[0], True)
    assert judge((levels[1],), levels, None, True) == (levels[1], True)
    assert judge((levels[1],), levels, None, False) == (levels[1], levels[1] >= levels[0])
    storm = drive(indicator, rows(*[(0.0, 100.0)] * 4))
    assert storm[-1][0][0] == 1.0
    assert storm[-1][1][0] <= max(past)


def test_too_little_past_never_fires() -> None:
    """Before ``min_samples`` past values the reading stands and the flag is off."""
    statistic, baseline = drive(program(bucket_notional=100.0, buckets=2), rows(*[(100, 0)] * 10))[-1]
    assert judge(statistic, baseline, None, False) == (1.0, False)
    assert judge(statistic, baseline, None, True) == (1.0, False)


def test_bvc_is_missing_without_price_changes() -> None:
    """Sigma 0 is a zero denominator: the bulk form is missing, the exact one is not."""
    (exact, bulk, _, volatility), _ = drive(program(bucket_notional=100.0, buckets=2), rows((60, 40), (60, 40)))[-1]
    assert exact == pytest.approx(0.2)
    assert isnan(bulk)
    assert volatility == 0.0


def test_bvc_by_hand() -> None:
    """Changes of +1 and -1: sigma is sqrt 2, each bucket reads 2 Phi(1 / sqrt 2) - 1."""
    given = [one._replace(price=price) for one, price in zip(rows((1, 1), (49, 49), (50, 50)), (100.0, 101.0, 100.0), strict=True)]
    (_, bulk, _, _), _ = drive(program(bucket_notional=100.0, buckets=2), given)[-1]
    assert bulk == pytest.approx(2 * bulk_buy_share(1.0, sqrt(2.0)) - 1)


def test_settings_that_contradict_each_other_are_refused() -> None:
    """A release above the trigger and a sample that can never be met are errors of the configuration."""
    with pytest.raises(ValueError, match=r"must not be above trigger 0\.9"):
        VpinConfig(trigger=0.9, release=0.95)
    with pytest.raises(ValueError, match="min_samples 100 can never be met"):
        VpinConfig(history_buckets=50)
