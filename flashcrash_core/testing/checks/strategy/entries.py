"""Entries: never while blocked, well formed, and within the free cash."""

from typing import Final

from flashcrash_core.detection.settings import State
from flashcrash_core.market.features import UNHEALTHY_NAMES
from flashcrash_core.market.instruments import money_to_decimal, to_money
from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.strategy.desk import INSTRUMENT, whole
from flashcrash_core.testing.checks.strategy.recording import asked_at_entry, enters, recorded, until_entry
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.ledger import fee_minor
from flashcrash_core.trading.strategy import Enter

__all__ = ["BLOCKS", "entries_well_formed", "entries_within_cash", "no_entry_while_blocked"]

BLOCKS: Final = (
    *((State.ACTIVE, f"data_{name}") for name in UNHEALTHY_NAMES.values()),
    (State.ACTIVE, "degraded"),
    (State.ACTIVE, "flapping"),
    (State.ACTIVE, "liquidity_collapse"),
    (State.ACTIVE, "scorer_quarantined"),
    (State.SLEEP, "state"),
    (State.ALERT, "state"),
    (State.RECOVERY, "state"),
    (State.SHUTDOWN, "shutdown"),
)
"""Every state with the reason why it allows no entry, and every reason that there is besides."""
_NOT_ITS_FAULT: Final = ("max_positions", "cash", "entries are refused here")
"""What a gate refuses although the entry is an entry."""


@check("strategy", enters)
def no_entry_while_blocked(subject: Subject[StrategySpec]) -> None:
    """At the very moment at which it entered, it does not enter when the moment says why none is allowed; a Refuse is welcome."""
    before, moment = until_entry(subject)
    for state, reason in BLOCKS:
        intents = asked_at_entry(subject, before, moment, state=state, blocked=reason)
        if any(isinstance(intent, Enter) for intent in intents):
            raise CheckFailure(
                f"{subject.label}: enters in state {state} with blocked = {reason!r} (t_us {moment.now_us}, seed "
                f"{subject.effort.seeds[0]}); whatever moment.blocked says, give no Enter while it is not empty"
            )


@check("strategy", enters)
def entries_well_formed(subject: Subject[StrategySpec]) -> None:
    """Every entry has a whole number of lots, an order type, the price that the type asks for, and the least notional at least."""
    for seed in subject.effort.seeds:
        for refused in recorded(subject, seed).desk.refused:
            if (
                isinstance(refused.intent, Enter)
                and refused.reason not in _NOT_ITS_FAULT
                and not refused.reason.startswith("data_")
            ):
                raise CheckFailure(
                    f"{subject.label}: {refused.reason}: {refused.intent} at t_us {refused.now_us} (seed {seed}); price_ticks and "
                    "qty_lots are positive ints (price 0 for MARKET only), type an OrderType, the notional not below the least"
                )


@check("strategy", enters)
def entries_within_cash(subject: Subject[StrategySpec]) -> None:
    """With less free cash than equity, down to none, an entry costs no more than the cash with its fee, or is not made."""
    before, moment = until_entry(subject)
    for quote in (5_000, 1_000, 100, 6, 1, 0):
        cash = to_money(quote)
        for intent in asked_at_entry(subject, before, moment, cash_minor=cash):
            if not (isinstance(intent, Enter) and whole(intent.price_ticks) and whole(intent.qty_lots)):
                continue
            notional = INSTRUMENT.notional(intent.price_ticks or moment.ask_ticks, intent.qty_lots)
            cost = notional + fee_minor(notional, max(moment.fees.maker_bps, moment.fees.taker_bps))
            if cost > cash:
                raise CheckFailure(
                    f"{subject.label}: enters for {money_to_decimal(cost)} with the fee, with {quote} of free cash "
                    f"and an equity of {money_to_decimal(moment.equity_minor)} (t_us {moment.now_us}); size by cash_minor too"
                )
