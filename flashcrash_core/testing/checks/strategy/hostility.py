"""What a market and a venue do at their worst: odd bars, moments without any, many at one time, entries that never fill."""

from typing import Final

from flashcrash_core.market.bars import BAR_US
from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import check
from flashcrash_core.testing.checks.strategy.desk import Desk
from flashcrash_core.testing.checks.strategy.market import BEAT_US, Beat, Second, inviting_market, make_bar
from flashcrash_core.testing.checks.strategy.recording import enters
from flashcrash_core.testing.checks.strategy.venue import BarrenVenue
from flashcrash_core.testing.rows import EPOCH_US
from flashcrash_core.testing.subject import Subject

__all__ = ["survives_bursts", "survives_hostile_bars", "survives_the_first_moment", "survives_unfilled_entries"]

LOTS: Final = 1_000_000
HOUR_S: Final = 3_600
BURST: Final = 30
"""Looks at one microsecond: a sweep through the book is as many trades with one exchange time."""

HOSTILE: Final = (
    ("empty", 0, Second(10_000, 10_000, 10_000, 10_000, 0), True, False),
    ("empty in a gap", 1, Second(10_000, 10_000, 10_000, 10_000, 0), True, True),
    ("no range but volume", 2, Second(10_000, 10_000, 10_000, 10_000, LOTS), False, False),
    ("volume of nothing", 3, Second(10_000, 10_010, 9_990, 10_005, 0), False, False),
    ("down to one tick", 4, Second(10_000, 10_000, 1, 1, LOTS), False, False),
    ("at one tick", 5, Second(1, 1, 1, 1, LOTS), False, False),
    ("up to a billion ticks", 6, Second(1, 1_000_000_000, 1, 1_000_000_000, LOTS), False, False),
    ("back again", 7, Second(1_000_000_000, 1_000_000_000, 10_000, 10_000, LOTS), False, False),
    ("after an hour without bars", HOUR_S, Second(10_000, 10_100, 9_900, 10_050, LOTS), False, True),
    ("enormous volume", HOUR_S + 1, Second(10_050, 10_150, 10_040, 10_140, 10**15), False, False),
)
"""What it is called, the second, its prices and lots, empty, gap."""


@check("strategy")
def survives_hostile_bars(subject: Subject[StrategySpec]) -> None:
    """Bars that are empty, without range or volume, leap by nine orders of magnitude or come after an hour raise nothing, each as
    the very first bar and all in a row, flat and with a position."""
    for _, second, prices, empty, gap in HOSTILE:
        desk = Desk(subject)
        desk.step(_beat(second, prices, empty=empty, gap=gap))
    for with_position in (False, True):
        desk = Desk(subject)
        desk.run(inviting_market(subject.effort.seeds[0], 100))
        if with_position:
            desk.adopt(LOTS // 10, desk.last_ticks)
        start_us = desk.now_us - desk.now_us % BAR_US + BAR_US
        for _, second, prices, empty, gap in HOSTILE:
            desk.step(_beat(second, prices, start_us, empty=empty, gap=gap))


def _beat(second: int, prices: Second, start_us: int = EPOCH_US, *, empty: bool, gap: bool) -> Beat:
    bar = make_bar(start_us + second * BAR_US, prices, empty=empty, gap=gap)
    return Beat(start_us + second * BAR_US + BAR_US + BEAT_US, prices.close, bar)


@check("strategy")
def survives_the_first_moment(subject: Subject[StrategySpec]) -> None:
    """A moment before any bar, with no price, no reading, and then with a position, raises nothing."""
    for price in (0, 10_000):
        desk = Desk(subject, shows_readings=False)
        desk.step(Beat(EPOCH_US, price))
        desk.shows_readings = True
        desk.step(Beat(EPOCH_US + BEAT_US, price))
        desk.adopt(LOTS // 10, 10_000)
        desk.step(Beat(EPOCH_US + 2 * BEAT_US, price, trade=(10_000, 1)))


@check("strategy")
def survives_bursts(subject: Subject[StrategySpec]) -> None:
    """Thirty looks at one and the same microsecond, flat and with a position, raise nothing: time need not pass between events."""
    for with_position in (False, True):
        desk = Desk(subject)
        for number, beat in enumerate(inviting_market(subject.effort.seeds[0], 120)):
            desk.step(beat)
            if with_position and number == 2 * BURST:
                desk.adopt(LOTS // 10, desk.last_ticks)
            if number % BURST == 0:
                for part in range(BURST):
                    desk.look(trade=(beat.bid_ticks, 1 + part))


@check("strategy", enters)
def survives_unfilled_entries(subject: Subject[StrategySpec]) -> None:
    """Entries that are rejected, and that expire without a single lot, end with `on_closed` of a position that never held any."""
    for seed in subject.effort.seeds:
        desk = Desk(subject, venue=BarrenVenue())
        desk.run(inviting_market(seed))
