"""The markets that strategies are checked in: seconds of quotes and bars, drawn from a seed, with crashes that invite an entry.

A market is a list of :class:`Beat`, four a second. It is not a tape: no book, no feed, only what a strategy is shown, so that
hundreds of seconds cost milliseconds.
"""

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from attrs import frozen

from flashcrash_core.market.bars import BAR_US, Bar
from flashcrash_core.testing.rows import EPOCH_US

__all__ = [
    "BEATS_PER_SECOND",
    "BEAT_US",
    "PRICE_TICKS",
    "WARM_SECONDS",
    "Beat",
    "Second",
    "beats_of",
    "drawn_seconds",
    "inviting_market",
    "make_bar",
    "steady",
]

BEATS_PER_SECOND: Final = 4
BEAT_US: Final = BAR_US // BEATS_PER_SECOND
WARM_SECONDS: Final = 90
"""Calm trading at the beginning: more than the bars that the shipped strategy wants to have seen."""
PRICE_TICKS: Final = 10_000
_CALM_LOTS: Final = 2_000_000
"""Traded per calm second: with the simulated instrument 200 units, 20,000 in quote currency."""


@frozen
class Beat:
    """One look at the market. ``ask_ticks`` is always a tick above ``bid_ticks``; ``bar`` is the bar that is new here, if any."""

    now_us: int
    bid_ticks: int
    bar: Bar | None = None
    trade: tuple[int, int] | None = None


@frozen
class Second:
    """Open, high, low and close in ticks, and the traded lots."""

    open: int
    high: int
    low: int
    close: int
    lots: int


def make_bar(start_us: int, second: Second, *, empty: bool = False, gap: bool = False) -> Bar:
    """The closed bar of ``second``."""
    return Bar(
        start_us=start_us,
        open_ticks=second.open,
        high_ticks=second.high,
        low_ticks=second.low,
        close_ticks=second.close,
        notional_units=0 if empty else second.lots * second.close,
        trades=0 if empty else 20,
        empty=empty,
        gap=gap,
        price=second.close * 0.01,
    )


@lru_cache(maxsize=16)
def inviting_market(seed: int, seconds: int = 240) -> tuple[Beat, ...]:
    """Calm for :data:`WARM_SECONDS`, then again and again: a fall of two seconds, a strong bullish second with five to nine times
    the volume, a dip through most of it, and then anything."""
    return tuple(beats_of(drawn_seconds(seed, WARM_SECONDS, seconds)))


def drawn_seconds(seed: int, calm: int, total: int, price: int = PRICE_TICKS) -> list[Second]:
    """``calm`` seconds around ``price`` (ticks), and then episodes until there are ``total`` seconds."""
    rng = random.Random(seed)
    made = [_calm(rng, price) for _ in range(calm)]
    while len(made) < total:
        made += _episode(rng, made[-1].close if made else price)
    return made[:total]


def _calm(rng: random.Random, price: int) -> Second:
    opened = price + rng.randint(-8, 8)
    closed = price + rng.randint(-8, 8)
    return Second(opened, max(opened, closed) + rng.randint(2, 9), min(opened, closed) - rng.randint(2, 9), closed, _CALM_LOTS)


def _episode(rng: random.Random, price: int) -> Iterator[Second]:
    for _ in range(2):
        fallen = price - price * rng.randint(60, 120) // 10_000
        yield Second(price, price + 2, fallen - 5, fallen, 2 * _CALM_LOTS)
        price = fallen
    low, span = price - rng.randint(5, 15), price * rng.randint(80, 160) // 10_000
    price = low + span - rng.randint(1, 5)
    yield Second(low + 4, low + span, low, price, rng.randint(5, 9) * _CALM_LOTS)
    dipped = low + span // 10
    yield Second(price, price + 2, dipped, dipped + rng.randint(1, 20), _CALM_LOTS)
    price = dipped + 10
    drift = rng.choice((-30, -5, 0, 12, 30))
    for _ in range(rng.randint(6, 30)):
        second = _calm(rng, price + drift)
        price = second.close
        yield second


def steady(start_us: int, bids: Sequence[int]) -> list[Beat]:
    """One second per bid: small bars around it, a trade at each of them."""
    return list(beats_of([Second(bid, bid + 3, bid - 3, bid, _CALM_LOTS) for bid in bids], start_us=start_us, still=True))


def beats_of(seconds: Sequence[Second], *, start_us: int = EPOCH_US, still: bool = False) -> Iterator[Beat]:
    """Four beats a second along its open, extremes and close (``still``: at its close), with its bar a second later."""
    for index, second in enumerate(seconds):
        at_us = start_us + index * BAR_US
        way = (second.open, second.low, second.high, second.close)
        if second.close < second.open:
            way = (second.open, second.high, second.low, second.close)
        # The first bar ended before the market begins, so that there is one from the first beat on.
        before = seconds[index - 1] if index else second
        for part, price in enumerate((second.close,) * BEATS_PER_SECOND if still else way):
            yield Beat(
                now_us=at_us + part * BEAT_US,
                bid_ticks=price,
                bar=None if part else make_bar(at_us - BAR_US, before),
                trade=(price, 5_000) if part % 2 else None,
            )
