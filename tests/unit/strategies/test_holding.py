"""What happens to a position: entry time to live, resting target, leaving, partial fills, orders of unknown fate."""

from collections.abc import Callable
from typing import Any

import pytest

from flashcrash_core.api import Cancel, Exit, NoticeKind, OrderType

Make = Callable[..., Any]


@pytest.mark.parametrize(("age_us", "cancelled"), [(1_499_999, False), (1_500_000, True)])
def test_entry_lives_for_a_second_and_a_half(desk: Make, bar: Make, age_us: int, cancelled: bool) -> None:
    """From the decision; then it is cancelled once with reason ttl."""
    d = desk().warm()
    d.step(bar=bar(3))
    intents = d.step(age_us)
    assert list(intents) == ([Cancel("t0000", "ttl")] if cancelled else [])
    assert list(d.step(1)) == [] or not cancelled


def test_a_rejected_cancel_is_repeated_after_a_while(desk: Make, bar: Make) -> None:
    """If the order is still open a second after its cancel and no cancel is on its way, it is cancelled again."""
    d = desk().warm()
    d.step(bar=bar(3))
    d.notice(d.last, NoticeKind.ACK)
    assert d.step(1_500_000)
    d.notice(d.last, NoticeKind.CANCEL_REJECT)
    assert not d.step(999_999)
    assert list(d.step(1)) == [Cancel("t0000", "ttl")]


def test_target_rests_at_the_exit_price_once_the_entry_is_filled(desk: Make) -> None:
    """Rule 6: all lots, post-only, at 1006."""
    d = desk()
    entry = d.enter()
    assert list(d.step(1)) == [Exit(1, entry.submit.qty_lots, OrderType.LIMIT_MAKER, 1006, "target")]
    assert not d.step(1)


def test_partial_entry_gets_its_target_when_the_remainder_has_ended(desk: Make) -> None:
    """While the entry may still fill nothing is offered; after its cancel exactly what was filled."""
    d = desk()
    entry = d.enter(lots=100)
    assert not d.step(1)
    assert list(d.step(1_500_000)) == [Cancel("t0000", "ttl")]
    d.notice(entry, NoticeKind.FILL, 20)
    assert not d.step(1)
    d.notice(entry, NoticeKind.CANCELLED)
    (exit_,) = d.step(1)
    assert (exit_.qty_lots, exit_.price_ticks, exit_.reason) == (120, 1006, "target")


def test_lots_of_a_late_fill_get_a_target_of_their_own(desk: Make) -> None:
    """A fill that comes after the entry's end is covered too, without touching the target that rests."""
    d = desk()
    entry = d.enter(lots=100)
    d.notice(entry, NoticeKind.CANCELLED)
    d.step(1)
    d.notice(entry, NoticeKind.FILL, 5)
    (exit_,) = d.step(1)
    assert (exit_.qty_lots, exit_.type) == (5, OrderType.LIMIT_MAKER)


def test_target_is_lowered_by_cancel_and_replace_at_most_every_second(desk: Make) -> None:
    """Rule 7: after 1 s the fraction is 0.77 -> 1005.4 -> 1006 stays; after 2 s 0.74 -> 1004.8 -> 1005 replaces it."""
    d = desk(trailing_stop=False)
    d.enter()
    d.step()
    assert not d.step(1_000_000)
    assert not d.step(999_999)
    assert list(d.step(1)) == [Cancel("t0001", "reprice")]
    assert not d.step(1)
    d.notice(d.last, NoticeKind.CANCELLED)
    (exit_,) = d.step(1)
    assert (exit_.price_ticks, exit_.type, exit_.reason) == (1005, OrderType.LIMIT_MAKER, "time_decay")


def test_target_never_goes_below_break_even(desk: Make) -> None:
    """At 0.5 of a small range the fraction is below cost: the price stays at entry plus both fees."""
    d = desk(exit_fraction=0.3, min_edge_bp=-100.0)
    d.enter()
    (exit_,) = d.step(10_000_000)
    assert exit_.price_ticks == 996


def test_time_decay_can_be_switched_off(desk: Make) -> None:
    """Then the target stays where it was."""
    d = desk(time_decay=False)
    d.enter()
    d.step()
    assert not d.step(15_000_000)
    assert d.last.submit.price_ticks == 1006


def test_without_rule_6_nothing_rests(desk: Make) -> None:
    """The target can be switched off, the other rules remain."""
    d = desk(target=False, time_decay=False)
    d.enter()
    assert not d.step(1)
    (exit_,) = d.step(20_000_000)
    assert exit_.reason == "max_hold"


def test_a_target_that_would_take_is_taken(desk: Make) -> None:
    """With the bid at the target a post-only order would be rejected: an IOC at the target takes the better price."""
    d = desk()
    d.enter()
    (exit_,) = d.step(1, bid_ticks=1006)
    assert (exit_.type, exit_.price_ticks, exit_.reason) == (OrderType.LIMIT_IOC, 1006, "target")


def test_between_the_two_break_evens_it_rests_above_the_bid(desk: Make) -> None:
    """Where taking would not pay the taker fee the target rests a tick above the bid."""
    from decimal import Decimal

    from flashcrash_core.api import Fees

    d = desk(exit_fraction=0.3, min_edge_bp=-100.0, fees=Fees(Decimal(0), Decimal(50)))
    d.enter()
    (exit_,) = d.step(1, bid_ticks=997)
    assert (exit_.type, exit_.price_ticks) == (OrderType.LIMIT_MAKER, 998)
    d = desk(exit_fraction=0.3, min_edge_bp=-100.0, fees=Fees(Decimal(0), Decimal(50)))
    d.enter()
    (exit_,) = d.step(1, bid_ticks=999)
    assert (exit_.type, exit_.price_ticks) == (OrderType.LIMIT_IOC, 999)


def test_a_rejected_target_is_offered_again(desk: Make) -> None:
    """At the next moment, at the price that then holds."""
    d = desk()
    d.enter()
    d.step(1)
    d.notice(d.last, NoticeKind.REJECT)
    (exit_,) = d.step(3_000_000)
    assert (exit_.type, exit_.price_ticks) == (OrderType.LIMIT_MAKER, 1005)


def test_leaving_cancels_the_target_first_then_takes_with_a_collar(desk: Make) -> None:
    """Stop at 986: cancel once, wait, then sell all at the bid less 20 bp; a rest that expired is sold again."""
    d = desk()
    entry = d.enter()
    d.step(1)
    d.notice(d.last, NoticeKind.ACK)
    assert list(d.step(1, bid_ticks=986)) == [Cancel("t0001", "hard_stop")]
    assert not d.step(1, bid_ticks=985)
    d.notice(d.last, NoticeKind.CANCELLED)
    (exit_,) = d.step(1, bid_ticks=985)
    assert exit_ == Exit(1, entry.submit.qty_lots, OrderType.LIMIT_IOC, 983, "hard_stop")
    assert not d.step(1)
    d.notice(d.last, NoticeKind.ACK)
    d.notice(d.last, NoticeKind.FILL, 1000, price=984, maker=False)
    assert not d.step(1)
    d.notice(d.last, NoticeKind.EXPIRED)
    (again,) = d.step(1, bid_ticks=980)
    assert (again.qty_lots, again.price_ticks, again.reason) == (entry.submit.qty_lots - 1000, 978, "hard_stop")


def test_an_exit_reason_stays_until_flat(desk: Make) -> None:
    """The price coming back does not undo a decision to leave."""
    d = desk()
    d.enter()
    d.step(1)
    d.step(1, bid_ticks=980)
    d.notice(d.last, NoticeKind.CANCELLED)
    (exit_,) = d.step(1, bid_ticks=1005)
    assert exit_.reason == "hard_stop"


def test_leaving_with_an_entry_remainder_cancels_it_and_sells_what_is_held(desk: Make) -> None:
    """The unfilled remainder goes first; what fills meanwhile is sold too."""
    d = desk()
    entry = d.enter(lots=100)
    assert list(d.step(1, bid_ticks=980)) == [Cancel("t0000", "hard_stop")]
    d.notice(entry, NoticeKind.FILL, 50)
    d.notice(entry, NoticeKind.CANCELLED)
    (exit_,) = d.step(1)
    assert exit_.qty_lots == 150


def test_blocked_entries_never_block_exits(desk: Make) -> None:
    """Whatever blocks entries, a stop is executed."""
    d = desk()
    d.enter()
    (exit_,) = d.step(1, bid_ticks=980, blocked="data_gap")
    assert exit_.reason == "hard_stop"


def test_lots_of_an_exit_of_unknown_fate_are_not_sold_twice(desk: Make) -> None:
    """An UNKNOWN sell keeps its lots reserved until the venue settles it."""
    d = desk()
    d.enter()
    d.step(1, bid_ticks=980)
    d.notice(d.last, NoticeKind.UNKNOWN)
    assert not d.step(5_000_000)
    d.notice(d.last, NoticeKind.EXPIRED)
    (exit_,) = d.step(1)
    assert exit_.qty_lots == d.position.held_lots


def test_only_lots_outside_an_unknown_target_are_sold(desk: Make) -> None:
    """100 lots rest in a target of unknown fate, 5 came later: leaving cancels the target and sells the 5."""
    d = desk()
    entry = d.enter(lots=100)
    d.notice(entry, NoticeKind.CANCELLED)
    d.step(1)
    d.notice(d.last, NoticeKind.UNKNOWN)
    d.notice(entry, NoticeKind.FILL, 5)
    cancel, exit_ = d.step(1, bid_ticks=980)
    assert (cancel, exit_.qty_lots) == (Cancel("t0001", "hard_stop"), 5)


def test_an_entry_of_unknown_fate_does_not_hold_up_the_exit(desk: Make) -> None:
    """The lost reply to a cancel may take many seconds; held lots are sold now, later ones when they show."""
    d = desk()
    entry = d.enter(lots=100)
    d.notice(entry, NoticeKind.UNKNOWN)
    cancel, exit_ = d.step(1, bid_ticks=980)
    assert (cancel, exit_.qty_lots) == (Cancel("t0000", "hard_stop"), 100)
    d.notice(entry, NoticeKind.FILL, 7)
    (more,) = d.step(1)
    assert more.qty_lots == 7


def test_a_position_that_comes_back_after_its_end_is_sold(desk: Make, bar: Make) -> None:
    """A fill after the close reopens the position; the strategy adopts it and offers it at break-even."""
    d = desk().warm()
    d.step(bar=bar(3))
    entry = d.last
    d.notice(entry, NoticeKind.CANCELLED)
    assert not d.blotter.positions
    d.notice(entry, NoticeKind.FILL, 10)
    (exit_,) = d.step(1, bid_ticks=993)
    assert (exit_.qty_lots, exit_.price_ticks) == (10, 996)


def test_without_a_book_the_last_trade_is_the_selling_price(desk: Make) -> None:
    """A trades-only run stops on the last trade."""
    d = desk(has_book=False)
    d.enter()
    (exit_,) = d.step(1, bid_ticks=0, last_ticks=986)
    assert (exit_.reason, exit_.price_ticks) == ("hard_stop", 984)


def test_without_any_bid_the_last_trade_has_to_do(desk: Make) -> None:
    """An empty bid side leaves the position protected on the last trade, never unpriced."""
    d = desk()
    d.enter()
    (exit_,) = d.step(1, bid_ticks=0, last_ticks=980)
    assert exit_.price_ticks == 978


def test_a_bearish_bar_after_the_fill_ends_the_position(desk: Make, bar: Make) -> None:
    """Rule 3 end to end: the bar that ended before the fill does not count, the next one does."""
    d = desk()
    d.enter()
    d.strategy.on_bar(bar(-2, open=1009, close=991))
    (target,) = d.step(1)
    assert target.reason == "target"
    d.strategy.on_bar(bar(4, open=1009, close=991))
    assert list(d.step(1)) == [Cancel("t0001", "negative_gap")]


def test_climax_in_profit_ends_the_position(desk: Make) -> None:
    """Rule 4 end to end: at the entry price nothing, a tick above it the exit."""
    d = desk()
    d.enter()
    climax = {"candle_patterns": {"climax": 1.0}}
    (target,) = d.step(1, bid_ticks=994, statistics=climax)
    assert target.reason == "target"
    assert list(d.step(1, bid_ticks=995)) == [Cancel("t0001", "buying_climax")]


def test_two_positions_are_managed_apart(desk: Make, bar: Make) -> None:
    """An exit of one position leaves the other's orders alone."""
    d = desk(cooldown_fill_s=0, cooldown_loss_s=0, trailing_stop=False)
    d.enter()
    first_target = d.step(1)[0]
    assert first_target.position_id == 1
    d.step(1, bar=bar(4, open=1009, close=1010, lots=9_000), bid_ticks=1000, ask_ticks=1002)
    second = d.last
    assert second.submit.position_id == 2
    d.notice(second, NoticeKind.FILL, 10)
    d.notice(second, NoticeKind.CANCELLED)
    (second_target,) = d.step(1, bid_ticks=1000)
    assert (second_target.position_id, second_target.qty_lots) == (2, 10)
