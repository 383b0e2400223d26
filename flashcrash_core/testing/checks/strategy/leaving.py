"""Leaving: whatever happens, a position is sold within :data:`LEAVES_WITHIN_S` of event time. Nothing may hold an exit back.

The bound is on the outcome, not on an intent: the desk's venue must have sold every lot. It is three times what the shipped
strategy takes by default. A strategy that holds longer by design is checked with a configuration in which it does not.
"""

from collections.abc import Callable, Sequence
from typing import Final

from flashcrash_core.detection.scoring import Score
from flashcrash_core.detection.settings import State
from flashcrash_core.specs import StrategySpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.strategy.desk import Desk
from flashcrash_core.testing.checks.strategy.entries import BLOCKS
from flashcrash_core.testing.checks.strategy.market import BEAT_US, BEATS_PER_SECOND, Beat, inviting_market, steady
from flashcrash_core.testing.checks.strategy.venue import GrudgingVenue, Venue
from flashcrash_core.testing.subject import Subject
from flashcrash_core.trading.positions import Position

__all__ = [
    "LEAVES_WITHIN_S",
    "leaves_after_an_empty_book",
    "leaves_after_setbacks",
    "leaves_in_a_fall",
    "leaves_in_every_state",
    "leaves_in_time",
    "leaves_on_stale_data",
    "leaves_under_every_block",
    "leaves_unknown_positions",
    "leaves_without_a_book",
    "leaves_without_a_score",
    "leaves_without_readings",
]

LEAVES_WITHIN_S: Final = 60
EMPTY_S: Final = 70
"""Longer than the bound: by then every reason to leave has come."""
_ADOPTED_LOTS: Final = 200_000

_STILL: Final = tuple(0 for _ in range(LEAVES_WITHIN_S))
_FALL: Final = tuple(min(60, k) for k in range(1, LEAVES_WITHIN_S + 1))
_DIP: Final = tuple(3 * k for k in range(1, 11)) + (30,) * 10 + (-5,) * (LEAVES_WITHIN_S - 20)
"""Per mille below the entry: 3 % down in 10 s, 10 s there, then half a percent above. Every kind of strategy has its reason."""


def holding(subject: Subject[StrategySpec], *, has_book: bool = True) -> tuple[Desk, Position]:
    """A desk with a position that the strategy entered itself; one it was never told of when it enters nothing in the market."""
    desk = Desk(subject, has_book=has_book)
    for beat in inviting_market(subject.effort.seeds[0]):
        desk.step(beat)
        for position in desk.blotter.positions.values():
            if position.held_lots:
                return desk, position
    return desk, desk.adopt(_ADOPTED_LOTS, desk.last_ticks)


def _path(desk: Desk, position: Position, fallen: Sequence[int]) -> list[Beat]:
    entry = round(position.entry_ticks)
    return steady(desk.now_us + BEAT_US, [entry - entry * part // 1_000 for part in fallen])


def _require_left(desk: Desk, position: Position, beats: Sequence[Beat], what: str) -> None:
    """Run the beats until the position is sold. Raises CheckFailure when it is not."""
    lots = position.held_lots
    desk.entries = False
    for beat in beats:
        desk.step(beat)
        if not position.held_lots:
            return
    sent = "; ".join(f"{intents}" for _, intents in desk.log[-2:]) or "nothing"
    raise CheckFailure(
        f"{desk.subject.label}: {what}: {position.held_lots} of {lots} lots are still held after {LEAVES_WITHIN_S} s of event "
        f"time; its last intents were {sent}. An exit must always be possible, and come by time if by nothing else"
    )


def _leaves(
    subject: Subject[StrategySpec],
    what: str,
    fallen: Sequence[int] = _DIP,
    *,
    prepare: Callable[[Desk], None] | None = None,
    has_book: bool = True,
    venue: Venue | None = None,
) -> None:
    desk, position = holding(subject, has_book=has_book)
    if venue is not None:
        desk.venue = venue
    if prepare is not None:
        prepare(desk)
    _require_left(desk, position, _path(desk, position, fallen), what)


@check("strategy")
def leaves_in_time(subject: Subject[StrategySpec]) -> None:
    """While the price stands still at the entry, the position is sold within 60 s of event time."""
    _leaves(subject, "the price stands still", _STILL)


@check("strategy")
def leaves_in_a_fall(subject: Subject[StrategySpec]) -> None:
    """While the price falls by 6 % and does not come back, the position is sold within 60 s, at a loss."""
    _leaves(subject, "the price falls", _FALL)


@check("strategy")
def leaves_in_every_state(subject: Subject[StrategySpec]) -> None:
    """The position is sold in every state of the detector, RECOVERY and SHUTDOWN included."""
    seen = set()
    for state, reason in BLOCKS:
        if state in seen:
            continue
        seen.add(state)

        def turn(desk: Desk, state: State = state, reason: str = reason) -> None:
            desk.state, desk.blocked = state, reason if reason in ("state", "shutdown") else ""

        _leaves(subject, f"state {state}", prepare=turn)


@check("strategy")
def leaves_under_every_block(subject: Subject[StrategySpec]) -> None:
    """The position is sold whatever blocks entries: faults of the data, flapping, a degraded panel, a collapse of liquidity."""
    for state, reason in BLOCKS:
        if state is not State.ACTIVE:
            continue

        def block(desk: Desk, reason: str = reason) -> None:
            desk.blocked = reason

        _leaves(subject, f"entries blocked by {reason}", prepare=block)


@check("strategy")
def leaves_without_readings(subject: Subject[StrategySpec]) -> None:
    """The position is sold while every reading, flag and statistic is missing."""

    def hide(desk: Desk) -> None:
        desk.shows_readings = False

    _leaves(subject, "no readings", prepare=hide)


@check("strategy")
def leaves_without_a_score(subject: Subject[StrategySpec]) -> None:
    """The position is sold while the scorer raises, and while it refuses everything: an exit asks for no score."""

    def broken(_entry: float, _target: float, _notional: float) -> Score:
        raise RuntimeError("no score: an exit must not ask for one")

    def refusing(_entry: float, _target: float, _notional: float) -> Score:
        return Score(0.0, {}, refusal="liquidity")

    for score in (broken, refusing):

        def silence(desk: Desk, score: Callable[[float, float, float], Score] = score) -> None:
            desk.score = score

        _leaves(subject, "no score", prepare=silence)


@check("strategy")
def leaves_without_a_book(subject: Subject[StrategySpec]) -> None:
    """On data of trades alone, where bid and ask are 0 for good, the position is sold by the last trade's price."""
    _leaves(subject, "no book", has_book=False)


@check("strategy")
def leaves_after_an_empty_book(subject: Subject[StrategySpec]) -> None:
    """When the book has been empty for 70 s, with nobody to sell to, the position is sold within 60 s of the price's return."""
    desk, position = holding(subject)
    desk.entries = False
    nobody = [Beat(desk.now_us + (part + 1) * BEAT_US, 0) for part in range(EMPTY_S * BEATS_PER_SECOND)]
    desk.run(nobody)
    _require_left(desk, position, _path(desk, position, _DIP), f"after {EMPTY_S} s without a bid")


@check("strategy")
def leaves_on_stale_data(subject: Subject[StrategySpec]) -> None:
    """The position is sold while no bar closes, no trade comes and the readings stand still: quotes and time are enough."""
    desk, position = holding(subject)
    desk.stale = True
    still = [Beat(beat.now_us, beat.bid_ticks) for beat in _path(desk, position, _DIP)]
    _require_left(desk, position, still, "no new bar, row or trade")


@check("strategy")
def leaves_unknown_positions(subject: Subject[StrategySpec]) -> None:
    """A position it was never told of, from a fill that came after its order had ended, is sold like any other."""
    desk = Desk(subject)
    market = inviting_market(subject.effort.seeds[0], 60)
    desk.run(market)
    position = desk.adopt(_ADOPTED_LOTS, desk.last_ticks)
    _require_left(desk, position, _path(desk, position, _DIP), "a position from a late fill")


@check("strategy")
def leaves_after_setbacks(subject: Subject[StrategySpec]) -> None:
    """An exit that is rejected, one that expires, one that fills by half and one of unknown fate do not end the attempt."""
    _leaves(subject, "four exits went wrong", venue=GrudgingVenue())
