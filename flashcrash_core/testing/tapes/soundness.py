"""Whether a tape is what its name says, checked on its rows; a tape that is not would prove nothing about a plugin."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from math import isnan
from typing import Final

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import BestQuote, BookDelta, FeedGap, Trade
from flashcrash_core.market.features import (
    UNHEALTHY_BOOK_UNSYNCED,
    UNHEALTHY_GAP,
    UNHEALTHY_LATENCY,
    FeatureRow,
)
from flashcrash_core.testing.tapes.arrival import CLOSING_US, check_arrival
from flashcrash_core.testing.tapes.contents import Span, Tape

__all__ = ["check_tape"]

_CALM_RANGE: Final = 0.005
"""Largest move of a calm market's price over its whole length, as a fraction."""


def check_tape(tape: Tape) -> None:
    """Assert that the tape arrives in order and shows what it is named for. Raises InvariantError saying what is missing."""
    check_arrival(tape.events)
    rows, facts = tape.rows(), tape.facts
    _demand(tape, bool(rows) and rows[-1].t_us == facts.end_us + CLOSING_US, "its rows do not reach its end")
    times = [row.t_us for row in rows]
    _demand(tape, times == list(range(times[0], times[-1] + 1, 100_000)), "its rows have holes")
    quiet = [row for row in _before(rows, facts.calm_until_us) if not isnan(row.price)]
    _demand(tape, bool(quiet), "it has no calm in front")
    _demand(tape, not any(row.unhealthy for row in quiet), "its calm has unhealthy rows")
    low, high = _range(quiet)
    _demand(tape, high / low - 1 < _CALM_RANGE, f"its calm moves by {high / low - 1:.2%}")
    _CHECKS[tape.name](tape, rows)


def _demand(tape: Tape, holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvariantError(f"tape {tape.name} (seed {tape.seed}, {tape.seconds:g} s): {otherwise}")


def _before(rows: Iterable[FeatureRow], until_us: int) -> list[FeatureRow]:
    return [row for row in rows if row.t_us <= until_us]


def _within(rows: Iterable[FeatureRow], span: Span) -> list[FeatureRow]:
    """Rows that lie wholly in the span."""
    return [row for row in rows if span[0] <= row.t_us - 100_000 and row.t_us <= span[1]]


def _range(rows: Iterable[FeatureRow]) -> tuple[float, float]:
    prices = [row.price for row in rows if not isnan(row.price)]
    return min(prices), max(prices)


def _calm(tape: Tape, rows: Sequence[FeatureRow]) -> None:
    _demand(tape, not any(row.unhealthy for row in rows), "it has unhealthy rows")
    low, high = _range(rows)
    _demand(tape, low < high, "its price never changes")


def _fall(least: float, won_back: tuple[float, float]) -> Callable[[Tape, Sequence[FeatureRow]], None]:
    """At least ``least`` is lost; between ``won_back`` of the loss is won back by the end (in price)."""

    def check(tape: Tape, rows: Sequence[FeatureRow]) -> None:
        fall_us, trough_us = tape.facts.fall_us, tape.facts.trough_us
        if fall_us is None or trough_us is None:
            raise InvariantError(f"tape {tape.name}: does not say when it falls")
        before = [row.price for row in _before(rows, fall_us) if not isnan(row.price)][-1]
        low, _ = _range(rows)
        _demand(tape, 1 - low / before >= least, f"it falls by {1 - low / before:.2%} only")
        near, _ = _range(row for row in rows if abs(row.t_us - trough_us) <= 1_000_000)
        _demand(tape, near / low - 1 < 0.005, f"its low is {near / low - 1:.2%} below the price at trough_us")
        share = (rows[-1].price - low) / (before - low)
        _demand(tape, won_back[0] <= share <= won_back[1], f"{share:.0%} of the fall is won back")
        rebound_us = tape.facts.rebound_us
        _demand(tape, (rebound_us is not None) == (share > 0.34), f"rebound_us is {rebound_us}, {share:.0%} is won back")

    return check


def _wick(tape: Tape, rows: Sequence[FeatureRow]) -> None:
    _fall(0.04, (0.95, 1.05))(tape, rows)
    fall_us, back_us = tape.facts.fall_us or 0, tape.facts.rebound_us or 0
    _demand(tape, 0 < back_us - fall_us <= 2_000_000, f"the wick lasts {(back_us - fall_us) / 1e6:.1f} s")
    _demand(tape, not any(row.unhealthy for row in rows), "it has unhealthy rows")
    if tape.has_book:
        before = _before(rows, fall_us)[-1].exit_notional
        inside = min(row.exit_notional for row in _within(rows, (fall_us + 100_000, back_us)))
        _demand(tape, inside < before / 10, "the depth does not vanish")


def _bad_print(tape: Tape, rows: Sequence[FeatureRow]) -> None:
    _demand(tape, not any(row.unhealthy for row in rows), "it has unhealthy rows")
    bad_us = tape.facts.bad_print_us
    trades = [event for event in tape.events if isinstance(event, Trade)]
    off = [trade for trade in trades if abs(trade.price_ticks / trades[0].price_ticks - 1) > 0.1]
    _demand(tape, [trade.exchange_us for trade in off] == [bad_us], f"{len(off)} trades are far off")
    quotes = [event.bid_ticks for event in tape.events if isinstance(event, BestQuote)]
    _demand(tape, not quotes or max(quotes) / min(quotes) - 1 < _CALM_RANGE, "its quotes move")


def _flat(tape: Tape, rows: Sequence[FeatureRow]) -> None:
    whole = rows[2:-5]  # the first second of bars and what follows the last trade aside
    _demand(tape, len({row.price for row in whole}) == 1, "its price changes")
    _demand(
        tape,
        len({(row.bid, row.ask, row.band_bid_qty, row.top_ask_qty) for row in whole if row.book_usable}) <= 1,
        "its book changes",
    )
    _demand(tape, len({(row.buy_notional, row.sell_notional, row.trades) for row in whole}) == 1, "its flow changes")


def _gap(tape: Tape, rows: Sequence[FeatureRow]) -> None:
    gaps = tape.facts.gaps
    _demand(
        tape, len(gaps) == 2 and sum(isinstance(event, FeedGap) for event in tape.events) == 1, "it has not two gaps, one marked"
    )
    _demand(tape, any(row.unhealthy & UNHEALTHY_GAP for row in rows), "no row is marked with a gap")
    _demand(tape, not rows[-10].unhealthy, "it does not recover")
    if tape.has_book:
        for start_us, end_us in gaps:
            lost = _within(rows, (start_us + 300_000, end_us))
            _demand(
                tape, bool(lost) and all(row.unhealthy & UNHEALTHY_BOOK_UNSYNCED for row in lost), "the book is usable in a gap"
            )


def _bursts(tape: Tape, rows: Sequence[FeatureRow]) -> None:
    _fall(0.05, (0.35, 0.8))(tape, rows)
    counts = [sum(event.exchange_us == burst_us for event in tape.events) for burst_us in tape.facts.bursts]
    # Two deltas lie in 200 ms of any market; of trades alone some bursts have none but the one that gave the time.
    _demand(tape, (min if tape.has_book else max)(counts) >= 2, f"its bursts have {counts} events")


def _empty(tape: Tape, rows: Sequence[FeatureRow]) -> None:
    one_sided, empty = tape.facts.one_sided, tape.facts.empty
    if one_sided is None or empty is None:
        raise InvariantError(f"tape {tape.name}: does not say when the book is empty")
    half, none = _within(rows, one_sided), _within(rows, empty)
    _demand(tape, len(half) >= 18 and len(none) >= 18, "the spans are too short")
    _demand(tape, all(isnan(row.bid) and row.ask > 0 and not row.top_bid_qty and row.top_ask_qty for row in half), "bids are left")
    _demand(tape, all(isnan(row.bid) and isnan(row.ask) and not row.top_ask_qty for row in none), "levels are left")
    _demand(tape, rows[-10].book_usable == 1 and rows[-10].top_bid_qty > 0, "the book does not come back")
    deltas = [e for e in tape.events if isinstance(e, BookDelta)]
    chained = all(after.first_id == before.last_id + 1 for before, after in pairwise(deltas))
    _demand(tape, chained, "the chain of update ids is broken")


def _freeze(tape: Tape, rows: Sequence[FeatureRow]) -> None:
    freeze = tape.facts.freeze
    if freeze is None:
        raise InvariantError("tape feed_freeze: does not say when it freezes")
    inside = [event for event in tape.events if freeze[0] <= event.receive_us < freeze[1]]
    _demand(tape, not inside, f"{len(inside)} events arrive during the freeze")
    burst = [
        e for e in tape.events if e.exchange_us is not None and e.exchange_us < freeze[1] - 1_000_000 and e.receive_us >= freeze[1]
    ]
    _demand(tape, len(burst) >= 20, f"only {len(burst)} delayed events arrive at its end")
    _demand(tape, any(row.unhealthy & UNHEALTHY_LATENCY for row in rows), "no row is marked for latency")


_CHECKS: Final[Mapping[str, Callable[[Tape, Sequence[FeatureRow]], None]]] = {
    "calm": _calm,
    "crash_and_bounce": _fall(0.07, (0.4, 0.8)),
    "crash_without_bounce": _fall(0.07, (-0.05, 0.3)),
    "v_recovery": _fall(0.05, (0.9, 1.1)),
    "single_venue_wick": _wick,
    "bad_print": _bad_print,
    "flat": _flat,
    "gap": _gap,
    "duplicate_timestamps": _bursts,
    "empty_book": _empty,
    "feed_freeze": _freeze,
}
