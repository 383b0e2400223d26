"""How many bars a strategy says it looks back on (``StrategySpec.bar_memory``): a backtest that slept shows it no more of them."""

import random
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import Final

from flashcrash_core.market.bars import BAR_US, Bar
from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.strategy.desk import Desk
from flashcrash_core.testing.checks.strategy.market import (
    PRICE_TICKS,
    WARM_SECONDS,
    Beat,
    Second,
    beats_of,
    drawn_seconds,
    make_bar,
)
from flashcrash_core.testing.checks.strategy.venue import MoodyVenue
from flashcrash_core.testing.rows import EPOCH_US
from flashcrash_core.testing.subject import Subject

__all__ = ["bar_memory_is_enough"]

FORGOTTEN_BARS: Final = 240
"""Bars with trades before those that are remembered: at least so many, and at least as many again as are remembered."""
EMPTY_RUNS: Final = (0, 9)
"""Longest run of empty bars after each bar with trades: none, and mostly empty seconds."""
AWAKE_SECONDS: Final = 100
BEFORE_SECONDS: Final = 150
"""What a strategy went through before it slept, where it went through something, lasts at least so long."""
HISTORIES: Final = ("calm", "episodes", "wild")


def remembers(subject: Subject[StrategySpec]) -> int | None:
    """What it declares with this configuration."""
    told = subject.spec.bar_memory
    return None if told is None else told(subject.config)


def declares_a_memory(subject: Subject[StrategySpec]) -> str:
    """``applies``: "" if it gives a number."""
    if subject.spec.bar_memory is None:
        return "declares no bar_memory: a backtest shows it every bar"
    try:
        number = remembers(subject)
    except Exception:
        return ""  # the check itself will say what it raises
    return "says that no number of bars is enough (bar_memory gives None): a backtest shows it every bar" if number is None else ""


@check("strategy", declares_a_memory)
def bar_memory_is_enough(subject: Subject[StrategySpec]) -> None:
    """Shown after a long sleep only the newest bars that `bar_memory` asks for, it intends what it does after all of them.

    Fresh, and with an episode behind it.
    """
    number = remembers(subject)
    if type(number) is not int or number < 0:
        raise CheckFailure(
            f"{subject.label}: bar_memory gave {number!r}; give a whole number of bars with trades, 0 or more, or None"
        )
    for seed in subject.effort.seeds:
        for history in HISTORIES:
            for empty_run in EMPTY_RUNS:
                for awake_before in (False, True):
                    _compare(subject, number, seed, history, empty_run, awake_before=awake_before)


def _compare(subject: Subject[StrategySpec], number: int, seed: int, history: str, empty_run: int, *, awake_before: bool) -> None:
    start_us = _ended_us(subject, seed) if awake_before else EPOCH_US
    bars = list(_bars(history, seed, number + max(FORGOTTEN_BARS, number), empty_run, start_us))
    shown = _newest(bars, number)
    differs = _difference(subject, seed, start_us, bars, shown)
    if differs is None or _difference(subject, seed, start_us, bars, bars) is not None:
        return  # in the second case two builds disturb each other: determinism_across_builds tells of it
    now_us, wanted, found = differs
    behind = "an episode and then " if awake_before else ""
    raise CheckFailure(
        f"{subject.label}: bar_memory is {number}; behind it lie {behind}{len(bars)} bars ({history}, up to {empty_run} empty ones "
        f"in a row, seed {seed}). Shown the newest {len(shown)} of them it intends {found} at t_us {now_us}, shown all {wanted}; "
        "give the longest way back that any decision looks, or None"
    )


def _difference(
    subject: Subject[StrategySpec], seed: int, start_us: int, first: Sequence[Bar], second: Sequence[Bar]
) -> tuple[int, str, str] | None:
    """Two desks through the same market after these bars: time and intents of the first look in which they are not alike."""
    one, other = (_awake_until(subject, seed, start_us) for _ in range(2))
    beats = beats_of(drawn_seconds(seed, 0, AWAKE_SECONDS, first[-1].close_ticks), start_us=first[-1].start_us + 2 * BAR_US)
    try:
        _show(one, first)
    except Exception:
        return None  # other checks tell of what it raises
    _show(other, second)
    for beat in beats:
        try:
            wanted = repr(one.step(beat))
        except Exception:
            return None
        found = repr(other.step(beat))
        if found != wanted:
            return beat.now_us, wanted, found
    return None


def _show(desk: Desk, bars: Sequence[Bar]) -> None:
    for bar in bars:
        desk.strategy.on_bar(bar)


def _ended_us(subject: Subject[StrategySpec], seed: int) -> int:
    """When an episode that the strategy was awake in is over for it: nothing is open any more. The latest moment if it never is."""
    desk = _awake_until(subject, seed, EPOCH_US)
    try:
        for beat in _episodes(seed):
            if (
                beat.now_us >= EPOCH_US + BEFORE_SECONDS * BAR_US
                and beat.bar
                and not (desk.blotter.positions or desk.blotter.orders)
            ):
                break
            desk.step(beat)
    except Exception:
        return EPOCH_US
    return beat.now_us


def _episodes(seed: int) -> Iterator[Beat]:
    return beats_of(drawn_seconds(seed + 1_000, WARM_SECONDS, 4 * BEFORE_SECONDS))


def _awake_until(subject: Subject[StrategySpec], seed: int, until_us: int) -> Desk:
    """A desk that went through everything before ``until_us``."""
    desk = Desk(subject, venue=MoodyVenue(seed))
    return desk.run(takewhile(lambda beat: beat.now_us < until_us, _episodes(seed)))


def _newest(bars: Sequence[Bar], number: int) -> Sequence[Bar]:
    """From the ``number``-th newest bar with trades on."""
    traded = [place for place, bar in enumerate(bars) if not bar.empty]
    return bars[traded[-number] :] if number else bars[len(bars) :]


def _bars(history: str, seed: int, traded: int, empty_run: int, start_us: int) -> Iterator[Bar]:
    """So many bars with trades, with runs of empty ones between them. The older half trades ten times as much as the newer one, and
    what is "wild" does so at twice the price, with bars as wide as half of it: who remembers more than he says will show it."""
    rng = random.Random(f"{history} {seed} {empty_run}")
    wild = history == "wild"
    old = drawn_seconds(seed + 1, traded if history == "calm" else 0, traded, PRICE_TICKS * (2 if wild else 1))
    new = drawn_seconds(seed + 2, traded if history == "calm" else 0, traded)
    older = traded // 2
    at_us = start_us
    for index, second in enumerate([*old[:older], *islice(new, older, None)]):
        lots, wider = (second.lots * 10, second.close // 4 if wild else 0) if index < older else (second.lots, 0)
        shape = Second(second.open, second.high + wider, second.low - wider, second.close, lots)
        yield make_bar(at_us, shape, gap=rng.random() < 0.02)
        at_us += BAR_US
        flat = Second(second.close, second.close, second.close, second.close, 0)
        for _ in range(rng.randint(0, empty_run)):
            yield make_bar(at_us, flat, empty=True)
            at_us += BAR_US
