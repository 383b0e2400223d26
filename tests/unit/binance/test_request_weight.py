"""The budget of REST weight: shared out over minutes, and silent when the venue says so."""

import pytest
from feed_bench import SECOND_US, FeedBench, diff, snapshot

from flashcrash_binance.request_weight import RequestWeight, depth_weight
from flashcrash_core.api import MarketKind

MINUTE_US = 60 * SECOND_US
NOON_US = 30_000_000 * MINUTE_US


@pytest.mark.parametrize(
    ("kind", "limit", "weight"),
    [
        (MarketKind.SPOT, 100, 5),
        (MarketKind.SPOT, 500, 25),
        (MarketKind.SPOT, 1000, 50),
        (MarketKind.SPOT, 5000, 250),
        (MarketKind.USDM, 100, 5),
        (MarketKind.USDM, 1000, 20),
    ],
)
def test_weights_of_depth(kind: MarketKind, limit: int, weight: int) -> None:
    """As in reference/binance.md section 10."""
    assert depth_weight(kind, limit) == weight


def test_no_minute_gets_more_than_its_budget() -> None:
    """What does not fit is refused, and fits in the next minute."""
    weight = RequestWeight()
    taken = [weight.take(250, NOON_US + second * SECOND_US) for second in range(59)]
    assert (sum(taken) * 250, taken[-1]) == (weight.budget, False)
    assert weight.take(250, NOON_US + MINUTE_US)


def test_a_share_of_the_budget_leaves_the_rest() -> None:
    """What may use a part only is refused when that part is used, by whomever."""
    weight = RequestWeight()
    while weight.take(50, NOON_US, share=0.6):
        pass
    assert weight.used == int(weight.budget * 0.6)
    assert weight.take(50, NOON_US)


def test_what_the_venue_counts_is_believed() -> None:
    """Others of the same address use weight too; nonsense in the header changes nothing."""
    weight = RequestWeight()
    weight.told(200, {"X-MBX-USED-WEIGHT-1M": "many"}, NOON_US)
    weight.told(200, {"X-MBX-USED-WEIGHT-1M": "9" * 5_000}, NOON_US)
    assert weight.take(5, NOON_US)
    weight.told(200, {"X-MBX-USED-WEIGHT-1M": str(weight.budget)}, NOON_US)
    assert not weight.take(5, NOON_US)
    assert weight.take(5, NOON_US + MINUTE_US)


@pytest.mark.parametrize("status", [418, 429])
def test_retry_after_is_obeyed(status: int) -> None:
    """Nothing before the time the venue names; the header's case does not matter."""
    weight = RequestWeight()
    weight.told(status, {"retry-after": "7"}, NOON_US)
    assert not weight.take(1, NOON_US + 7 * SECOND_US - 1)
    assert weight.take(1, NOON_US + 7 * SECOND_US)


@pytest.mark.parametrize("wait", ["", "soon", "nan", "inf", "-5", "1e400"])
def test_a_refusal_without_a_sound_time(wait: str) -> None:
    """Silent for some seconds all the same, and not for ever."""
    weight = RequestWeight()
    weight.told(429, {"Retry-After": wait}, NOON_US)
    assert not weight.take(1, NOON_US + SECOND_US - 1)
    assert weight.take(1, NOON_US + MINUTE_US)


def test_a_book_without_a_snapshot_comes_before_comparisons() -> None:
    """Comparisons may not use up the weight that a blind book needs."""
    symbols = tuple(f"S{number}USDT" for number in range(150))
    bench = FeedBench(symbols=symbols, verify_us=SECOND_US, connections=1, limit=100).begin(100)
    for _ in range(200):
        bench.sleep(50_000)
        for fetch in bench.waiting():
            bench.answer(fetch, snapshot(100))
    bench.say(bench.core.links.live(bench.core.symbols["S7USDT"].bundle)[0].number, diff(105, 106, symbol="S7USDT"))
    bench.sleep(SECOND_US)
    assert len(bench.waiting(symbol="S7USDT")) == 1


def test_requests_stop_while_the_venue_refuses() -> None:
    """After a 429 with Retry-After nothing is asked for until then, whatever is due."""
    symbols = tuple(f"S{number}USDT" for number in range(20))
    bench = FeedBench(symbols=symbols, verify_us=SECOND_US).begin(100)
    bench.sleep(SECOND_US)
    waiting = bench.waiting()
    bench.answer(waiting[0], b"", 429, {"Retry-After": "20"})
    for fetch in waiting[1:]:
        bench.answer(fetch, snapshot(100))
    assert not bench.waiting()
    bench.sleep(19 * SECOND_US)
    assert not bench.waiting()
    bench.sleep(2 * SECOND_US)
    assert bench.waiting()
    assert bench.core.health(bench.now_us).weight_refusals == 1
