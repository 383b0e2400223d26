"""Exits, cancels, and how many orders there may be."""

from collections import Counter
from typing import Final

from flashcrash_core.market.bars import BAR_US
from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.strategy.desk import Desk
from flashcrash_core.testing.checks.strategy.market import Beat, inviting_market
from flashcrash_core.testing.checks.strategy.recording import recorded
from flashcrash_core.testing.checks.strategy.venue import SilentVenue
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.strategy import Cancel, Enter, Exit

__all__ = ["cancels_own_orders", "exits_well_formed", "no_order_storm"]

LOOKS_PER_SECOND: Final = 20
MOST_ENTRIES_PER_SECOND: Final = 5
MOST_INTENTS_AT_ONCE: Final = 20
MOST_INTENTS_PER_SECOND: Final = 3 * LOOKS_PER_SECOND


@check("strategy")
def exits_well_formed(subject: Subject[StrategySpec]) -> None:
    """Every exit names a position that is held, and no more lots than are held and not already bound in open orders to sell."""
    for seed in subject.effort.seeds:
        for refused in recorded(subject, seed).desk.refused:
            if isinstance(refused.intent, Exit):
                raise CheckFailure(
                    f"{subject.label}: {refused.reason}: {refused.intent} at t_us {refused.now_us} (seed {seed}); sell at most "
                    "held_lots less remaining_lots of the open orders to sell, at a positive price (0 for MARKET only)"
                )


@check("strategy")
def cancels_own_orders(subject: Subject[StrategySpec]) -> None:
    """Every cancel names an order of `moment.orders`."""
    for seed in subject.effort.seeds:
        for refused in recorded(subject, seed).desk.refused:
            if isinstance(refused.intent, Cancel):
                raise CheckFailure(
                    f"{subject.label}: cancels {refused.intent.client_id!r} at t_us {refused.now_us} (seed {seed}), which is no "
                    "open order; look for it in moment.orders each time"
                )


@check("strategy")
def no_order_storm(subject: Subject[StrategySpec]) -> None:
    """At a venue that says nothing, and with twenty looks a second, it does not send the same wish again at every look."""
    desk = Desk(subject, venue=SilentVenue())
    entries: Counter[int] = Counter()
    intents: Counter[int] = Counter()
    for beat in inviting_market(subject.effort.seeds[0], 130):
        for part in range(LOOKS_PER_SECOND // 4):
            at_us = beat.now_us + part * BAR_US // LOOKS_PER_SECOND
            given = desk.step(beat if not part else Beat(at_us, beat.bid_ticks))
            second = at_us // BAR_US
            intents[second] += len(given)
            entries[second] += sum(isinstance(intent, Enter) for intent in given)
            if len(given) > MOST_INTENTS_AT_ONCE:
                raise _storm(subject, f"{len(given)} intents at once", at_us, MOST_INTENTS_AT_ONCE)
            if entries[second] > MOST_ENTRIES_PER_SECOND:
                raise _storm(subject, f"{entries[second]} entries within a second", at_us, MOST_ENTRIES_PER_SECOND)
            if intents[second] > MOST_INTENTS_PER_SECOND:
                raise _storm(subject, f"{intents[second]} intents within a second", at_us, MOST_INTENTS_PER_SECOND)


def _storm(subject: Subject[StrategySpec], what: str, at_us: int, most: int) -> CheckFailure:
    return CheckFailure(
        f"{subject.label}: {what} at t_us {at_us}, at most {most} are sane; remember what was asked for, and look "
        "into moment.orders before asking again"
    )
