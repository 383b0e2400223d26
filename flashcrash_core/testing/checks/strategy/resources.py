"""What a strategy may use: memory that does not grow with the session, and a fair share of the time between two events."""

from collections.abc import Callable
from itertools import count, islice
from typing import Final

from flashcrash_core.market.bars import BAR_US, Bar
from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.calibration import cost_in_reference_steps
from flashcrash_core.testing.checks.memory import require_bounded_memory
from flashcrash_core.testing.checks.strategy.desk import INSTRUMENT, Desk, built
from flashcrash_core.testing.checks.strategy.market import BEAT_US, Second, inviting_market, make_bar
from flashcrash_core.testing.checks.strategy.recording import recorded, shown_again
from flashcrash_core.testing.checks.strategy.venue import SilentVenue
from flashcrash_core.testing.rows import EPOCH_US
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.positions import Position
from flashcrash_core.trading.strategy import Enter, Fees, Moment, Strategy

__all__ = ["memory_growth", "time_budget"]

ROWS_PER_ROUND: Final = 100
"""A round is five bars and one position, from entry to its end; a session of 100,000 rows has far fewer."""
BARS_PER_ROUND: Final = 5
WARM_BARS: Final = 4_000
"""More than an hour of bars: what a strategy may keep of them is full before the first look at the memory."""
LOTS: Final = 200_000
POSITIONS: Final = 3
RESTING: Final = 3
"""Orders to sell per position."""
MAX_REFERENCE_STEPS: Final = 1_000
"""About a millisecond a look with three positions and nine orders; the busiest recorded seconds bring several hundred events."""


@check("strategy")
def memory_growth(subject: Subject[StrategySpec]) -> None:
    """Bars and positions that are gone leave nothing behind, however long the session."""
    intent = _an_entry(subject)

    def begin() -> Callable[[int], None]:
        strategy, numbers = built(subject), count()
        moment = Moment(INSTRUMENT.symbol, INSTRUMENT, Fees(), Desk(subject).score, has_book=True)
        for second in range(WARM_BARS):
            strategy.on_bar(_bar(EPOCH_US + second * BAR_US, second))

        def trade(rounds: int) -> None:
            for number in islice(numbers, rounds):
                _round(strategy, moment, number, intent)

        return trade

    require_bounded_memory(
        subject,
        begin,
        subject.effort.memory_rows // ROWS_PER_ROUND,
        unit=f"positions with {BARS_PER_ROUND} bars each",
        advice="forget a position in on_closed, and bound what is kept of bars",
    )


def _an_entry(subject: Subject[StrategySpec]) -> Enter | None:
    """An entry of the strategy's own, for its notes; None when it makes none."""
    entered = recorded(subject, subject.effort.seeds[0]).desk.entered
    return entered[0][1] if entered else None


def _round(strategy: Strategy, moment: Moment, number: int, intent: Enter | None) -> None:
    start_us = EPOCH_US + (WARM_BARS + number * BARS_PER_ROUND) * BAR_US
    moment.positions = ()
    price = 10_000 + number % 7
    moment.bid_ticks, moment.ask_ticks, moment.last_ticks = price, price + 1, price
    for part in range(BARS_PER_ROUND):
        bar = _bar(start_us + part * BAR_US, number)
        strategy.on_bar(bar)
        moment.now_us, moment.bar, moment.bar_is_new = bar.start_us + BAR_US + BEAT_US, bar, True
        list(strategy.decide(moment))
    moment.bar_is_new = False
    position = Position(number + 1, INSTRUMENT.symbol, f"c{number}")
    if intent is not None:
        strategy.on_entered(position, intent)
    position.buy(price, LOTS, 0, moment.now_us)
    moment.positions = (position,)
    for _ in range(3):
        moment.now_us += BEAT_US
        list(strategy.decide(moment))
    position.sell(price, LOTS, 0, moment.now_us, "end")
    strategy.on_closed(position, 0)


def _bar(start_us: int, number: int) -> Bar:
    price = 10_000 + number % 7
    return make_bar(start_us, Second(price + 3, price + 20 + number % 1_000, price - 20, price, 1_000_000 + number % 1_009))


@check("strategy")
def time_budget(subject: Subject[StrategySpec]) -> None:
    """A look with three positions and nine orders costs no more than about a millisecond, in steps of a reference loop here."""
    desk = Desk(subject, venue=SilentVenue(), entries=False)
    desk.run(inviting_market(subject.effort.seeds[0], 100))
    for _ in range(POSITIONS):
        position = desk.adopt(LOTS, desk.last_ticks)
        for part in range(RESTING):
            desk.rest(position.id, LOTS // 10, desk.last_ticks + 1_000 + part)
    shown = desk.moment()
    moments = [shown_again(shown, now_us=desk.now_us + (part + 1) * BEAT_US) for part in range(40)]

    def run() -> int:
        for moment in moments:
            list(desk.strategy.decide(moment))
        return len(moments)

    steps = cost_in_reference_steps(run)
    if steps > MAX_REFERENCE_STEPS:
        raise CheckFailure(
            f"{subject.label}: a look costs {steps:.0f} reference steps, allowed are {MAX_REFERENCE_STEPS}; do per bar what need "
            "not be done per event"
        )
