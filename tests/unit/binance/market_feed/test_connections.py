"""Which connections are opened, replaced and dropped, and when."""

import pytest
from feed_bench import SECOND_US, FeedBench, diff, print_, quote

from flashcrash_binance.market_feed.actions import Connect

MINUTE_US = 60 * SECOND_US


def play(bench: FeedBench, connections: list[int], span_us: int, every_us: int = 100_000, *, streams: str = "dqt") -> None:
    """A market that goes on: messages of each stream on these connections."""
    until_us = bench.now_us + span_us
    while bench.now_us < until_us:
        number = getattr(bench, "number", 100) + 1
        bench.number = number
        for connection in connections:
            if "d" in streams:
                bench.say(connection, diff(number, number, at_us=bench.now_us))
            if "q" in streams:
                bench.say(connection, quote(number, (99, number), (101, number)))
            if "t" in streams:
                bench.say(connection, print_(number, at_us=bench.now_us))
        bench.sleep(every_us)


def test_two_connections_with_the_same_streams() -> None:
    """At the start both are asked for."""
    one, two = FeedBench().connects()
    assert one.streams == two.streams == ("ausdt@depth@100ms", "ausdt@bookTicker", "ausdt@trade")
    assert (one.group, one.connection, two.connection) == ("", 1, 2)


def test_a_broken_connection_is_opened_again_soon() -> None:
    """The first attempt comes within a tenth of a second, with a new number."""
    bench = FeedBench().begin()
    play(bench, [1, 2], 6 * SECOND_US)
    bench.close(2)
    new = bench.connects()[-1]
    assert new.connection == 3
    assert 0 <= new.not_before_us - bench.now_us <= 100_000


def test_waits_grow_to_a_minute_with_jitter() -> None:
    """Refused again and again: waits double up to 60 s, are never longer, and are not all the same."""
    bench = FeedBench(connections=1)
    waits = []
    for _ in range(30):
        last = bench.connects()[-1]
        bench.now_us = max(bench.now_us, last.not_before_us)
        bench.close(last.connection, "refused")
        waits.append(bench.connects()[-1].not_before_us - bench.now_us)
    assert waits[0] <= 100_000
    assert max(waits) <= MINUTE_US
    assert all(wait >= MINUTE_US // 2 for wait in waits[-10:])
    assert len(set(waits[-10:])) > 1


@pytest.mark.parametrize("connections", [1, 2])
def test_an_open_position_shortens_the_waits(connections: int) -> None:
    """While a position is open no wait is longer than 5 s, however often it failed, within what the venue allows."""
    bench = FeedBench(connections=connections)
    bench.core.position_open = True
    waits, seen = [], 0
    while len(waits) < 200:
        pending = bench.connects()[seen:]
        seen += len(pending)
        for one in pending:
            bench.now_us = max(bench.now_us, one.not_before_us)
            bench.close(one.connection, "refused")
        waits += [one.not_before_us - bench.now_us for one in bench.connects()[seen:]]
    assert max(waits) <= 5 * SECOND_US


def test_a_position_that_opens_does_not_wait_for_an_old_backoff() -> None:
    """A connection that backs off for a minute is asked for anew within 5 s when a position opens."""
    bench = FeedBench().begin()
    for _ in range(14):
        last = bench.connects()[-1]
        bench.now_us = max(bench.now_us, last.not_before_us)
        bench.close(last.connection, "refused")
        play(bench, [1], 100_000)
    assert bench.connects()[-1].not_before_us - bench.now_us > 20 * SECOND_US
    before = bench.connects()[-1]
    bench.core.position_open = True
    bench.settle()
    after = bench.connects()[-1]
    assert after.connection != before.connection
    assert before.connection in bench.drops()
    assert after.not_before_us - bench.now_us <= 5 * SECOND_US


def test_attempts_are_bounded() -> None:
    """At most 100 attempts in any five minutes, whatever breaks."""
    bench = FeedBench(connections=4)
    for turn in range(500):
        one = bench.connects()[turn]
        bench.now_us = max(bench.now_us, one.not_before_us)
        bench.open(one.connection)
        bench.now_us += 6 * SECOND_US  # long enough that the wait begins anew
        bench.close(one.connection)
    moments = sorted(one.not_before_us for one in bench.connects() if one.not_before_us)
    assert len(moments) > 300
    assert all(later - earlier >= 5 * MINUTE_US for earlier, later in zip(moments, moments[100:], strict=False))


def test_a_connection_that_does_not_open_is_given_up() -> None:
    """After ten seconds it is dropped, and another is asked for."""
    bench = FeedBench(connections=1)
    bench.sleep(11 * SECOND_US)
    assert bench.drops() == [1]
    assert bench.connects()[-1].connection == 2


def test_an_old_connection_is_replaced_without_a_gap() -> None:
    """At the age limit: the new one is open and delivers before the old one is dropped, and never both at once."""
    bench = FeedBench(rollover_us=10 * MINUTE_US).begin(100)
    live = {1, 2}
    replaced: list[int] = []
    until_us = bench.now_us + 11 * MINUTE_US
    while bench.now_us < until_us:
        opened = [one.connection for one in bench.connects() if one.connection > max(live | set(replaced))]
        assert len(opened) <= 1, "both at once"
        if opened:
            assert not set(bench.drops()) - set(replaced), "dropped before the new one was open"
            bench.open(*opened)
            live.update(opened)
        play(bench, sorted(live), SECOND_US)
        for dropped in set(bench.drops()) - set(replaced):
            live.remove(dropped)
            replaced.append(dropped)
        assert len(live) >= 2
    assert sorted(replaced) == [1, 2]
    assert not bench.gaps()


def test_the_venue_says_goodbye() -> None:
    """serverShutdown, raw or wrapped: a replacement at once, the old one is kept until that delivers. Told once."""
    for goodbye in (b'{"e":"serverShutdown","E":1}', b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}'):
        bench = FeedBench().begin(100)
        bench.say(1, goodbye, goodbye)
        assert [one.connection for one in bench.connects()] == [1, 2, 3]
        assert not bench.drops()
        bench.open(3)
        play(bench, [1, 2, 3], 3 * SECOND_US)
        assert bench.drops() == [1]
        assert not bench.gaps()


def test_both_connections_are_told_goodbye() -> None:
    """Each gets its replacement."""
    bench = FeedBench().begin(100)
    for connection in (1, 2):
        bench.say(connection, b'{"e":"serverShutdown","E":%d}' % connection)
    assert [one.connection for one in bench.connects()] == [1, 2, 3, 4]


def test_a_hanging_connection_is_replaced_before_it_is_dropped() -> None:
    """Silence here and messages there: a replacement, and the old one goes when that has delivered. No gap, no request."""
    bench = FeedBench().begin(100)
    play(bench, [1, 2], 5 * SECOND_US)
    asked = len(bench.connects())
    play(bench, [1], 4 * SECOND_US)
    assert len(bench.connects()) == asked + 1
    assert not bench.drops()
    bench.open(3)
    play(bench, [1, 3], 3 * SECOND_US)
    assert bench.drops() == [2]
    assert not bench.gaps()
    assert not bench.waiting()


def test_a_connection_that_lags_is_replaced() -> None:
    """Everything comes, but two seconds after the other: a replacement, not a cut."""
    bench = FeedBench().begin(100)
    play(bench, [1, 2], 2 * SECOND_US)
    late: list[tuple[int, bytes]] = []
    for number in range(1_000, 1_200):
        payload = print_(number, at_us=bench.now_us)
        bench.say(1, payload)
        late.append((bench.now_us + 2 * SECOND_US, payload))
        while late and late[0][0] <= bench.now_us:
            bench.say(2, late.pop(0)[1])
        if len(bench.connects()) > 2:
            break
        bench.sleep(100_000)
    assert [one.connection for one in bench.connects()] == [1, 2, 3]
    assert not bench.drops()
    assert bench.core.links.by_number[2].leaving == "lagging"
    assert bench.core.links.by_number[2].lag_us > SECOND_US


def test_one_dead_stream_on_a_live_connection() -> None:
    """The depth of one connection falls silent while its trades go on: found by what the other one hears."""
    bench = FeedBench().begin(100)
    play(bench, [1, 2], 5 * SECOND_US)
    until_us = bench.now_us + 4 * SECOND_US
    while bench.now_us < until_us:
        play(bench, [1], 100_000, streams="d")
        for connection in (1, 2):
            bench.say(connection, print_(10_000 + bench.now_us // 100_000 % 10_000, at_us=bench.now_us))
    assert bench.core.links.by_number[2].leaving == "lagging"


def test_a_quiet_market_does_not_flap() -> None:
    """A message every 20 s on both connections is this symbol's rate: nothing is replaced in half an hour."""
    bench = FeedBench().begin(100)
    play(bench, [1, 2], 5 * MINUTE_US, 20 * SECOND_US)
    asked = len(bench.connects())
    play(bench, [1, 2], 30 * MINUTE_US, 20 * SECOND_US)
    assert len(bench.connects()) == asked


def test_subscribed_but_silent() -> None:
    """Nothing at all for ten seconds since both opened: alarmed in the health numbers, and replaced, with growing patience."""
    bench = FeedBench(connections=1)
    bench.open(1)
    bench.sleep(9 * SECOND_US)
    assert not bench.core.health(bench.now_us).silent_streams
    assert len(bench.connects()) == 1
    bench.sleep(2 * SECOND_US)
    assert bench.core.health(bench.now_us).silent_streams == ["ausdt@depth@100ms", "ausdt@bookTicker", "ausdt@trade"]
    assert len(bench.connects()) == 2
    for _ in range(1_800):
        bench.open(*(number for number, link in bench.core.links.by_number.items() if not link.is_open))
        bench.sleep(2 * SECOND_US)
    assert 5 < len(bench.connects()) < 20


def test_one_silent_stream_of_many_is_replaced() -> None:
    """Depth never speaks on one connection while the other hears it: subscribed but silent."""
    bench = FeedBench().begin(100)
    until_us = bench.now_us + 12 * SECOND_US
    while bench.now_us < until_us:
        play(bench, [1], 3 * SECOND_US, SECOND_US, streams="dqt")
        play(bench, [2], SECOND_US, SECOND_US, streams="t")
    assert len(bench.connects()) == 3


def test_a_replacement_that_fails_leaves_the_old_one_alone() -> None:
    """The new one is refused: the old one goes on, and it is tried again later, not at once."""
    bench = FeedBench().begin(100)
    bench.say(1, b'{"e":"serverShutdown","E":1}')
    bench.close(3, "refused")
    assert not bench.drops()
    assert len(bench.connects()) == 3
    play(bench, [1, 2], 10 * SECOND_US)
    later = bench.connects()[3:]
    assert len(later) == 1, "tried again once"


def test_what_is_dropped_is_not_heard() -> None:
    """Messages, openings and closings of connections that were dropped or never existed change nothing."""
    bench = FeedBench().begin(100)
    told = len(bench.told)
    bench.say(77, diff(101, 102))
    bench.open(77)
    bench.close(77)
    assert len(bench.told) == told
    assert all(isinstance(one, Connect) for one in bench.connects())
    assert len(bench.connects()) == 2


def test_the_same_seed_waits_the_same() -> None:
    """Jitter comes from the seed and nothing else."""

    def waits(seed: int) -> list[int]:
        bench = FeedBench(seed=seed)
        for turn in range(20):
            one = bench.connects()[turn]
            bench.close(one.connection, "refused")
        return [one.not_before_us for one in bench.connects()]

    assert waits(1) == waits(1) != waits(2)
