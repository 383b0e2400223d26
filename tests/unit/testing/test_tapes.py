"""Each tape is what its name says, the same everywhere, and cheap enough to be used freely."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Sequence

import msgspec
import pytest
from attrs import evolve

from flashcrash_core.api import BookDelta, BookSnapshot, FeedGap, InvariantError, MarketEvent, Side, Timer, Trade, UsageError
from flashcrash_core.testing import TAPES, Tape, tape
from flashcrash_core.testing.tapes import BOOK_ONLY, feature_rows
from flashcrash_core.testing.tapes.arrival import renumbered
from flashcrash_core.testing.tapes.soundness import check_tape

NAMES = tuple(TAPES)
LONGEST_WARM_UP_S = 262.0
"""``warmup_s`` of the volatility indicator, the longest of the shipped ones."""


def digest(events: Sequence[MarketEvent]) -> str:
    """A digest of all events."""
    return hashlib.sha256(msgspec.msgpack.encode(events)).hexdigest()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 7])
def test_a_tape_is_what_its_name_says(name: str, seed: int) -> None:
    """With the book, every tape passes its own check for several seeds."""
    check_tape(tape(name, seed=seed))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in BOOK_ONLY])
def test_a_tape_without_a_book_holds_trades_only_and_still_is_what_it_says(name: str) -> None:
    """``has_book=False`` leaves trades, gaps and the closing timer; the event that names the tape is still there."""
    one = tape(name, has_book=False)
    assert {type(event) for event in one.events} <= {Trade, FeedGap, Timer}
    assert not any(row.book_usable for row in one.rows())
    check_tape(one)


@pytest.mark.parametrize("name", NAMES)
def test_a_tape_is_long_enough_for_every_warm_up_and_short_enough_to_be_cheap(name: str) -> None:
    """The calm in front outlasts every shipped indicator's warm-up, the whole lies between 300 and 420 s."""
    one = tape(name)
    assert one.facts.calm_until_us - one.facts.start_us > LONGEST_WARM_UP_S * 1e6
    assert 300 <= one.seconds <= 420
    assert 5_000 < len(one.events) < 40_000


def test_the_same_arguments_give_the_same_object() -> None:
    """A tape is made once per process, and its rows once per tape."""
    assert tape("calm") is tape("calm", seed=1)
    assert tape("calm").rows() is tape("calm").rows()


@pytest.mark.parametrize("name", NAMES)
def test_seeds_differ(name: str) -> None:
    """Another seed gives other events, not only other numbers of them."""
    first, second = tape(name, seed=1), tape(name, seed=7)
    assert digest(first.events) != digest(second.events)
    assert [row.price for row in first.rows()] != [row.price for row in second.rows()]


def test_tapes_are_the_same_in_every_process_and_for_every_hash_seed() -> None:
    """Two processes with different hash seeds make the events and rows that this one makes."""
    program = (
        "import hashlib, msgspec\n"
        "from flashcrash_core.testing import TAPES, tape\n"
        "for name in TAPES:\n"
        "    one = tape(name, seed=5, seconds=120)\n"
        "    print(name, hashlib.sha256(msgspec.msgpack.encode(one.events)).hexdigest(), hash(one.rows()[-50]) is None)\n"
        "    print(hashlib.sha256(repr(one.rows()).encode()).hexdigest())\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("0", "4242")
    }
    assert len(seen) == 1
    assert f"empty_book {digest(tape('empty_book', seed=5, seconds=120).events)}" in seen.pop()


@pytest.mark.parametrize("name", NAMES)
def test_a_length_may_be_asked_for(name: str) -> None:
    """A shorter tape is as long as asked, is what it says, and has less calm in front."""
    short = tape(name, seconds=120)
    assert short.seconds == 120
    assert short.facts.calm_until_us - short.facts.start_us < tape(name).facts.calm_until_us - tape(name).facts.start_us
    check_tape(short)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "crash_and_bonce"}, 'did you mean "crash_and_bounce"'),
        ({"name": "zzz"}, "tapes: bad_print, calm"),
        ({"name": "calm", "seed": -1}, "seed -1 is negative"),
        ({"name": "calm", "seed": "x"}, "seed 'x' is not a whole number"),
        ({"name": "calm", "seconds": 90.5}, "seconds 90.5 is not a whole number"),
        ({"name": 7}, 'there is no tape "7"'),
        ({"name": "crash_and_bounce", "seconds": 60}, "needs at least 79 s"),
        ({"name": "gap", "seconds": 45}, "needs at least 50 s"),
        ({"name": "empty_book", "has_book": False}, "about the book"),
    ],
)
def test_what_cannot_be_had_is_refused_with_the_way_on(arguments: dict[str, object], message: str) -> None:
    """Unknown names, bad seeds, too short lengths and a bookless empty book raise UsageError with a hint."""
    with pytest.raises(UsageError, match=message):
        tape(**arguments)  # type: ignore[arg-type]


def test_the_crash_reaches_its_trough_where_the_facts_say() -> None:
    """The lowest second of the fall holds ``trough_us``; a third is won back at ``rebound_us`` and not before."""
    one = tape("crash_and_bounce")
    facts = one.facts
    assert facts.fall_us is not None
    assert facts.trough_us is not None
    assert facts.rebound_us is not None
    prices = {row.t_us: row.price for row in one.rows()}
    before = prices[facts.fall_us]
    low = min(prices[t_us] for t_us in prices if facts.fall_us < t_us < facts.rebound_us)
    near = min(prices[t_us] for t_us in prices if abs(t_us - facts.trough_us) <= 1_000_000)
    assert near == pytest.approx(low, rel=0.003)
    share = (prices[facts.rebound_us + 100_000] - low) / (before - low)
    assert share == pytest.approx(1 / 3, abs=0.08)


def test_a_recovery_fact_is_none_where_nothing_recovers() -> None:
    """``crash_without_bounce`` has no rebound, ``calm`` and ``flat`` have no fall."""
    assert tape("crash_without_bounce").facts.rebound_us is None
    for name in ("calm", "flat"):
        assert (tape(name).facts.fall_us, tape(name).facts.trough_us, tape(name).facts.rebound_us) == (None, None, None)


def test_the_wick_prints_in_one_direction_at_a_time() -> None:
    """In the wick sellers take it down and buyers up again, with no print inside out of order."""
    one = tape("single_venue_wick")
    fall_us, trough_us, back_us = one.facts.fall_us, one.facts.trough_us, one.facts.rebound_us
    assert fall_us is not None
    assert trough_us is not None
    assert back_us is not None
    inside = [e for e in one.events if isinstance(e, Trade) and fall_us <= (e.exchange_us or 0) < back_us - 100_000]
    down = [trade.price_ticks for trade in inside if (trade.exchange_us or 0) < trough_us - 200_000]
    assert len(inside) >= 50
    assert down == sorted(down, reverse=True)
    assert {trade.aggressor for trade in inside} == {Side.BUY, Side.SELL}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "gap"])
def test_update_and_trade_ids_have_no_holes(name: str) -> None:
    """Ids continue through every story but the one about lost messages."""
    events = tape(name).events
    trades = [event.trade_id for event in events if isinstance(event, Trade)]
    deltas = [event for event in events if isinstance(event, BookDelta)]
    first = next(event for event in events if isinstance(event, BookSnapshot))
    assert sorted(trades) == list(range(min(trades), min(trades) + len(trades)))
    last = first.update_id
    for delta in deltas:
        assert delta.first_id == last + 1
        last = delta.last_id


# -- the check itself: a tape that is not what it says is refused ------------------------------------------------------


def changed(one: Tape, events: Sequence[MarketEvent]) -> Tape:
    """The tape with other events."""
    return evolve(one, events=renumbered(events))


@pytest.mark.parametrize(("name", "other"), [(n, o) for n in NAMES for o in ("calm", "crash_and_bounce") if n != o])
def test_the_check_refuses_other_events_under_the_name(name: str, other: str) -> None:
    """A tape with the events of another one is not what it says."""
    with pytest.raises(InvariantError, match=f"tape {name}"):
        check_tape(evolve(tape(name), events=tape(other).events))


def test_the_check_refuses_events_out_of_order() -> None:
    """A wrong ``seq``, a receive time that goes back and a missing timer are each refused."""
    one = tape("calm")
    swapped = (*one.events[:100], one.events[101], one.events[100], *one.events[102:])
    with pytest.raises(InvariantError, match="bears seq"):
        check_tape(evolve(one, events=swapped))
    early = msgspec.structs.replace(one.events[500], receive_us=one.events[499].receive_us - 1)
    with pytest.raises(InvariantError, match="1 us before the one before it"):
        check_tape(evolve(one, events=(*one.events[:500], early, *one.events[501:])))
    with pytest.raises(InvariantError, match="does not end with a timer"):
        check_tape(evolve(one, events=one.events[:-1]))


def test_the_check_refuses_a_second_bad_print() -> None:
    """Two prints off the book are one too many."""
    one = tape("bad_print")
    index = next(i for i, e in enumerate(one.events) if isinstance(e, Trade) and e.exchange_us == one.facts.bad_print_us)
    bad = one.events[index + 1]
    later = msgspec.structs.replace(bad, exchange_us=(bad.exchange_us or 0) + 1)
    with pytest.raises(InvariantError, match="2 trades are far off"):
        check_tape(changed(one, [*one.events[: index + 2], later, *one.events[index + 2 :]]))


def test_rows_of_a_silence_without_end_are_refused() -> None:
    """A stamp years ahead raises ValueError instead of filling the memory with rows."""
    one = tape("calm", seconds=60)
    timer = one.events[-1]
    leap_us = 10**12
    late = msgspec.structs.replace(timer, exchange_us=(timer.exchange_us or 0) + leap_us, receive_us=timer.receive_us + leap_us)
    with pytest.raises(ValueError, match="after the last one"):
        list(feature_rows((*one.events[:-1], late), one.instrument, has_book=True))
