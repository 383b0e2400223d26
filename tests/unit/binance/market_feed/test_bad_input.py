"""Bad input is counted by kind, never fatal, never in the book."""

import json
from random import Random
from typing import Any

import pytest
from feed_bench import SECOND_US, START_US, FeedBench, diff, print_, quote, snapshot, wrapped

from flashcrash_core.api import BestQuote, BookDelta, BookSnapshot, MarketKind, Rejected, SyncState, Timer, Trade


def changed(payload: bytes, **fields: Any) -> bytes:
    """The message with other fields; None leaves one out."""
    message = json.loads(payload)
    message["data"] = {key: value for key, value in (message["data"] | fields).items() if value is not None}
    return json.dumps(message).encode()


BAD = {
    "no JSON": (b"hello", "not_json"),
    "cut JSON": (print_(1)[:-7], "not_json"),
    "not UTF-8": (print_(1).replace(b"1.00", b"\xff\xfe"), "not_json"),
    "empty": (b"", "not_json"),
    "a list": (b"[1,2,3]", "bad_type"),
    "a number": (b"17", "bad_type"),
    "unknown event": (changed(print_(1), e="kline"), "unknown_event"),
    "no event at all": (wrapped("ausdt@trade", {"x": 1}), "unknown_event"),
    "no data": (b'{"stream":"ausdt@trade"}', "unknown_event"),
    "price as a number": (changed(print_(1), p=1.0), "bad_type"),
    "quantity as a number": (changed(quote(101), B=3), "bad_type"),
    "price missing": (changed(print_(1), p=None), "missing_field"),
    "id missing": (changed(print_(1), t=None), "missing_field"),
    "side missing": (changed(print_(1), m=None), "missing_field"),
    "symbol missing": (changed(print_(1), s=None), "missing_field"),
    "u missing": (changed(quote(101), u=None), "missing_field"),
    "NaN": (changed(print_(1), p="NaN"), "nan"),
    "infinity": (changed(print_(1), p="Infinity"), "inf"),
    "negative price": (changed(print_(1), p="-1.00"), "negative"),
    "negative quantity": (changed(print_(1), q="-0.5"), "negative"),
    "zero price": (changed(print_(1), p="0.00"), "zero"),
    "zero quantity": (changed(print_(1), q="0"), "zero"),
    "words": (changed(print_(1), p="cheap"), "not_a_number"),
    "off the grid": (changed(print_(1), p="1.005"), "off_tick"),
    "too large": (changed(print_(1), p="1e300"), "too_large"),
    "id as a string": (changed(print_(1), t="1"), "bad_type"),
    "negative id": (changed(print_(1), t=-5), "bad_ids"),
    "negative u": (changed(quote(101), u=-1), "bad_ids"),
    "wrong symbol": (print_(1, symbol="OTHERUSDT"), "wrong_symbol"),
    "symbol of another stream": (print_(1, symbol="BUSDT").replace(b"busdt@", b"ausdt@"), "wrong_symbol"),
    "wrong market": (changed(diff(101, 102), pu=100), "wrong_market"),
    "time zero": (changed(print_(1), T=0), "bad_time"),
    "negative time": (changed(print_(1), T=-5), "bad_time"),
    "time far ahead": (print_(1, at_us=START_US + 3600 * SECOND_US), "time_leap"),
    "time far behind": (print_(1, at_us=START_US - 48 * 3600 * SECOND_US), "time_leap"),
    "ids run backwards": (diff(105, 101), "bad_ids"),
    "levels no list": (changed(diff(101, 102), b="1.00"), "missing_field"),
    "a level of three": (changed(diff(101, 102), b=[["1.00", "2.00", "3.00"]]), "bad_type"),
    "NaN in a level": (changed(diff(101, 102), b=[["1.00", "NaN"]]), "nan"),
    "negative size in a level": (changed(diff(101, 102), a=[["1.00", "-2"]]), "negative"),
    "number in a level": (changed(diff(101, 102), a=[["1.00", 2]]), "bad_type"),
    "partial depth": (wrapped("ausdt@depth5", {"lastUpdateId": 5, "bids": [], "asks": []}), "partial_depth"),
    "a bare snapshot": (snapshot(101), "snapshot_without_symbol"),
    "a recorder's line": (b'{"flashcrash":"gap","s":"AUSDT","reason":"x"}', "unknown_event"),
    "a huge frame": (b'{"stream":"ausdt@trade","data":{"e":"trade","x":"' + b"x" * (5 * 2**20) + b'"}}', "huge"),
    "deep nesting": (b"[" * 100_000, "bad_type"),
}


def synced() -> FeedBench:
    """Two symbols with a book at id 100."""
    return FeedBench(symbols=("AUSDT", "BUSDT")).begin(100)


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_and_counted_by_kind(name: str) -> None:
    """It becomes a Rejected of its kind; the book does not change, and good messages after it are told as ever."""
    payload, reason = BAD[name]
    bench = synced()
    before = bench.core.book("AUSDT").snapshot()
    (told, *more) = bench.say(1, payload)
    assert isinstance(told, Rejected)
    assert told.reason == reason, told.detail
    assert not [event for event in more if isinstance(event, Trade | BestQuote | BookDelta | BookSnapshot)]
    assert bench.core.health(bench.now_us).rejected == {reason: 1}
    assert bench.core.book("AUSDT").snapshot() == before
    assert len(told.detail) < 400
    events = bench.say(2, diff(101, 102), print_(1), quote(102))
    assert [type(event) for event in events] == [BookDelta, Trade, BestQuote]


@pytest.mark.parametrize("name", [name for name, (payload, _) in BAD.items() if b"depthUpdate" in payload])
def test_a_refused_diff_is_missing(name: str) -> None:
    """With one connection nobody else brings it: the gap is told with the refusal."""
    payload, _ = BAD[name]
    bench = FeedBench(connections=1).begin(100)
    bench.say(1, payload)
    assert bench.gaps() == ["unreadable_diff"]
    assert bench.core.book("AUSDT").state is SyncState.SYNCED
    bench.sleep(SECOND_US)
    assert bench.waiting()


def test_a_diff_refused_everywhere() -> None:
    """Both copies cannot be read: the gap is told with the second one."""
    bench = synced()
    payload, _ = BAD["NaN in a level"]
    bench.say(1, payload)
    assert not bench.gaps()
    bench.say(2, payload)
    assert bench.gaps() == ["unreadable_diff"]


def test_futures_refuse_spots_diffs() -> None:
    """Without pu there is no chain."""
    bench = FeedBench(kind=MarketKind.USDM, connections=1).begin(100)
    bench.say(1, diff(101, 102))
    assert [event.reason for event in bench.of(Rejected)] == ["wrong_market"]


@pytest.mark.parametrize(
    "body", [b"", b"oops", b"[]", b"{}", b'{"code":-1121,"msg":"no"}', b'{"lastUpdateId":5,"bids":[["1","NaN"]],"asks":[]}']
)
def test_a_snapshot_that_cannot_be_read(body: bytes) -> None:
    """Counted, and asked for again."""
    bench = FeedBench()
    bench.open(1)
    bench.answer(bench.waiting()[0], body)
    assert not bench.told
    assert sum(bench.core.health(bench.now_us).rejected.values()) == 1
    bench.sleep(SECOND_US)
    assert len(bench.waiting()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"serverTime":"soon"}',
        b'{"serverTime":null}',
        b'{"serverTime":1e400}',
        b'{"serverTime":-4}',
        b"\xff",
        b'{"serverTime":' + b"[" * 100_000,
    ],
    ids=lambda body: body[:24].decode(errors="replace"),
)
def test_a_time_that_cannot_be_read(body: bytes) -> None:
    """Counted; the offset stays as it was."""
    bench = FeedBench()
    bench.open(1)
    bench.answer(bench.waiting("time")[0], body)
    assert bench.core.health(bench.now_us).rejected == {"bad_time_answer": 1}
    assert bench.core.health(bench.now_us).clock_offset_ms == 0


def test_a_wild_stamp_does_not_reach_the_timers() -> None:
    """Event times of timers go on by the sound messages."""
    bench = FeedBench().begin(100)
    bench.say(1, print_(1, at_us=bench.now_us - 20_000), print_(2, at_us=bench.now_us + 3600 * SECOND_US))
    bench.sleep(SECOND_US)
    timers = bench.of(Timer)
    assert len(timers) >= 6
    assert all(timer.receive_us - timer.exchange_us == 20_000 for timer in timers)


def test_answers_to_subscriptions_are_no_bad_input() -> None:
    """What the venue says to control messages is neither told nor counted."""
    bench = FeedBench().begin(100)
    assert not bench.say(1, b'{"result":null,"id":1}', b'{"id":2,"result":[]}')
    assert not bench.core.health(bench.now_us).rejected


@pytest.mark.parametrize("seed", range(8))
def test_any_damage_of_any_message(seed: int) -> None:
    """Bytes flipped, cut out, doubled: never an exception, and the feed is whole again with sound messages and a snapshot."""
    rng = Random(seed)
    bench = FeedBench(connections=1, verify_us=10 * SECOND_US).begin(100)
    number = 100
    for _ in range(600):
        number += 1
        payload = bytearray(
            rng.choice((diff(number, number, [(rng.randint(90, 99), rng.randint(0, 9))]), print_(number), quote(number)))
        )
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            place = rng.randrange(len(payload))
            match rng.randrange(3):
                case 0:
                    payload[place] = rng.randrange(256)
                case 1:
                    del payload[place : place + rng.randint(1, 20)]
                case _:
                    payload[place:place] = payload[place : place + rng.randint(1, 20)]
            payload = payload or bytearray(b"x")
        bench.say(1, bytes(payload))
        if rng.random() < 0.05:
            bench.sleep(100_000)
            for fetch in bench.waiting():
                bench.answer(fetch, snapshot(number))
    number += 1_000
    for _ in range(400):
        bench.sleep(100_000)
        number += 1
        bench.say(1, diff(number, number, at_us=bench.now_us))
        for fetch in bench.waiting():
            bench.answer(fetch, snapshot(number, [(98, 17)], [(103, 5)]))
    assert bench.core.book("AUSDT").state is SyncState.SYNCED, f"seed {seed}"
    assert bench.core.symbols["AUSDT"].keeper.usable, f"seed {seed}"
    assert list(bench.core.book("AUSDT").book.bids) == [(98, 17)], f"seed {seed}"
