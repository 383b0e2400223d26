"""Every fault switch does what it says, when it says, and is noted."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from exchange_bench import START_US, SYMBOL, Bench, Client, ScriptedSource, delta, snapshot

from flashcrash_binance.codec import BadMessage
from flashcrash_binance.exchange.core import Close, Cut, Ping, Pong
from flashcrash_binance.exchange.faults import TRADING_FAULTS, FaultName, parse_faults
from flashcrash_binance.exchange.sources import simulated_sources
from flashcrash_core.api import BookSync, MarketKind, UsageError

NAME = SYMBOL.lower()


def holes(client: Client) -> list[tuple[int, int]]:
    """Where diffs do not follow each other: (u, next U)."""
    return [(one["u"], two["U"]) for one, two in pairwise(client.of("depthUpdate")) if two["U"] != one["u"] + 1]


def sent_at(client: Client, kind: str) -> list[float]:
    """Seconds since the start at which messages of a stream left."""
    return [
        (at - START_US) / 1e6
        for at, payload in client.frames
        if isinstance(payload, bytes) and payload.startswith(b'{"stream":"%b@%b' % (NAME.encode(), kind.encode()))
    ]


# -- connections -----------------------------------------------------------------------------------------------------


def test_drop_before_the_upgrade() -> None:
    """The second attempt to connect gets no answer; the first and third do."""
    bench = Bench(faults="drop=before_upgrade@#2")
    answers = [bench.core.connect(number, f"/ws/{NAME}@trade", bench.now_us) for number in (11, 12, 13)]
    assert [None if answer is None else answer.status for answer in answers] == [None, 0, None]


def test_drop_after_the_upgrade() -> None:
    """The connection opens and breaks before its first message."""
    bench = Bench(faults="drop=after_upgrade@#1")
    client, other = bench.connect("trade"), bench.connect("trade")
    bench.play(2)
    assert [type(payload) for _, payload in client.frames] == [Cut]
    assert other.texts


def test_drop_after_some_messages() -> None:
    """One connection breaks right after its n-th message."""
    bench = Bench(faults="drop=frames:10")
    client, other = bench.connect("bookTicker"), bench.connect("bookTicker")
    bench.play(3)
    assert isinstance(client.ended, Cut)
    assert len(client.texts) == 10
    assert other.ended is None


def test_drop_at_a_time() -> None:
    """One of the open connections breaks at that moment, or with ``all`` every one."""
    one = Bench(faults="drop@2s")
    clients = [one.connect("trade") for _ in range(3)]
    one.play(5)
    assert sum(isinstance(client.ended, Cut) for client in clients) == 1
    assert one.injected("drop")[0].at_us == 2_000_000
    every = Bench(faults="drop=all@2s")
    clients = [every.connect("trade") for _ in range(3)]
    every.play(5)
    assert all(isinstance(client.ended, Cut) for client in clients)


def test_drop_while_a_snapshot_is_under_way() -> None:
    """A depth request breaks a stream of that symbol's book; the answer still comes."""
    bench = Bench(faults="drop=snapshot@#1")
    client, unrelated = bench.connect("depth@100ms"), bench.connect("trade")
    bench.play(1)
    assert bench.ask(f"depth?symbol={SYMBOL}").status == 200
    bench.play(1)
    assert isinstance(client.ended, Cut)
    assert unrelated.ended is None


def test_drop_of_a_request() -> None:
    """A REST request breaks without an answer, the next is served."""
    bench = Bench(faults="drop=request:depth@#2")
    assert [bench.ask(path).status for path in (f"depth?symbol={SYMBOL}", "time", f"depth?symbol={SYMBOL}", "ping")] == [
        200,
        200,
        0,
        200,
    ]


def test_cut_within_a_frame() -> None:
    """The connection breaks in the middle of a message, which is in the frame that the server halves."""
    bench = Bench(faults="cut=depth@1s")
    client = bench.connect("depth@100ms", "trade")
    bench.play(3)
    assert isinstance(client.ended, Cut)
    assert b'"depthUpdate"' in client.ended.payload


def test_shutdown_is_told_and_then_done() -> None:
    """serverShutdown in the form of each connection, and a regular close after the lead; new connections live on."""
    bench = Bench(faults="shutdown=2s@1s")
    wrapped, bare = bench.connect("trade"), bench.connect(target=f"/ws/{NAME}@trade")
    api = bench.connect(target="/ws-api/v3")
    bench.play(1.5)
    assert {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": (START_US + 1_000_000) // 1000}} in list(
        map(json.loads, wrapped.texts)
    )
    assert "serverShutdown" in [one.get("e") for one in bare.messages]
    assert json.loads(api.texts[-1])["event"]["e"] == "serverShutdown"
    late = bench.connect("trade")
    bench.play(2)
    assert all(isinstance(client.ended, Close) for client in (wrapped, bare, api))
    assert late.ended is None


def test_a_scaled_lifetime() -> None:
    """Connections are closed at that age, each at its own time."""
    bench = Bench(faults="lifetime=3s")
    first = bench.connect("trade")
    bench.play(1)
    second = bench.connect("trade")
    bench.play(2.5)
    assert isinstance(first.ended, Close)
    assert second.ended is None
    bench.play(1)
    assert isinstance(second.ended, Close)


def test_missing_pongs_and_a_storm_of_pings() -> None:
    """A client's pings stay unanswered in the window; 150 pings come at once."""
    bench = Bench(faults="no_pong=all@0s-2s,ping_storm=150@3s")
    client = bench.connect("trade", pongs=False)
    bench.core.ping(client.number, b"early", bench.now_us)
    bench.play(2.5)
    bench.core.ping(client.number, b"late", bench.now_us)
    bench.play(1)
    payloads = [payload for _, payload in client.frames]
    assert [one for one in payloads if isinstance(one, Pong)] == [Pong(b"late")]
    assert sum(isinstance(one, Ping) for one in payloads) == 150


# -- messages --------------------------------------------------------------------------------------------------------


def test_lost_messages() -> None:
    """Two diffs of one connection are lost; the other has them all; the hole is where the log says."""
    bench = Bench(faults="lose=2:depth@1s")
    client, other = bench.connect("depth@100ms"), bench.connect("depth@100ms")
    bench.play(4)
    assert (len(holes(client)), len(holes(other))) == (1, 0)
    assert len(other.texts) == len(client.texts) + 2
    (noted,) = bench.injected("lose")
    assert (noted.times, noted.connection, noted.subject) == (2, client.number, "depth")
    assert 1_000_000 <= noted.at_us < noted.last_us < 1_300_000


def test_lost_for_everyone() -> None:
    """With ``all`` every connection loses that many."""
    bench = Bench(faults="lose=1:depth:all@1s")
    clients = [bench.connect("depth@100ms") for _ in range(2)]
    bench.play(3)
    assert [len(holes(client)) for client in clients] == [1, 1]


def test_a_chance_is_drawn_from_the_seed() -> None:
    """``lose=10%`` loses about a tenth, the same ones for the same seed, others for another."""

    def missing(seed: int) -> list[int]:
        # The market's seed stays: only the fault's changes.
        bench = Bench(
            faults="lose=10%:bookTicker", seed=seed, sources=dict(simulated_sources((SYMBOL,), 1, preset="calm", calm_s=60))
        )
        lossy = bench.connect("bookTicker")
        bench.play(30)
        return [one["u"] for one in lossy.of("bookTicker")]

    first, again, other = missing(1), missing(1), missing(2)
    assert first == again
    assert first != other
    whole = Bench()
    client = whole.connect("bookTicker")
    whole.play(30)
    assert 0.85 < len(first) / len(client.texts) < 0.95


def test_duplicates() -> None:
    """Three trades come twice, right after each other."""
    bench = Bench(faults="duplicate=3:trade@1s")
    client = bench.connect("trade")
    bench.play(5)
    ids = [one["t"] for one in client.of("trade")]
    assert len(ids) - len(set(ids)) == 3
    assert sum(one == two for one, two in pairwise(ids)) == 3


def test_a_message_is_overtaken_by_the_next() -> None:
    """One diff comes after the one that follows it; none is lost."""
    bench = Bench(faults="reorder=1:depth@1s")
    client, other = bench.connect("depth@100ms"), bench.connect("depth@100ms")
    bench.play(3)
    mine, whole = ([one["u"] for one in each.of("depthUpdate")] for each in (client, other))
    assert mine != whole
    assert sorted(mine) == whole
    assert sum(one > two for one, two in pairwise(mine)) == 1


def test_the_last_message_that_waits_for_a_next_one_is_not_lost() -> None:
    """If nothing follows within 200 ms it is sent."""
    bench = Bench(faults="reorder=1:trade@1s")
    client = bench.connect(target=f"/ws/{NAME}@trade")
    bench.play(0.5)
    before = len(client.texts)
    while not bench.injected("reorder"):
        bench.play(0.01)
    told = len(client.texts)
    bench.say(client, {"method": "UNSUBSCRIBE", "params": [f"{NAME}@trade"], "id": 1})
    bench.play(1)
    assert told >= before
    assert len(client.of("trade")) == told + 1


@pytest.mark.parametrize("seed", range(12))
def test_corrupted_messages_can_be_told(seed: int) -> None:
    """Whatever is done to a message, the codec refuses it or sees another symbol's; never a plausible other number."""
    bench = Bench(faults="corrupt=4@1s", seed=seed)
    client, sound = bench.connect("depth@100ms", "trade", "bookTicker"), bench.connect("depth@100ms", "trade", "bookTicker")
    bench.play(3)
    codec = bench.codec()
    whole = set(sound.texts)
    broken = [text for text in client.texts if text not in whole]
    assert len(broken) == 4
    for text in broken:
        with pytest.raises(BadMessage):
            codec.decode(text, bench.now_us)
    assert all(one.detail for one in bench.injected("corrupt"))


def test_a_delay_holds_back_all_that_follows() -> None:
    """For the window every message of one connection is late by as much, in order, and none is lost."""
    bench = Bench(faults="delay=700ms@1s-2s")
    client, other = bench.connect("trade"), bench.connect("trade")
    bench.play(6)
    assert client.texts == other.texts
    late = [mine - theirs for mine, theirs in zip(sent_at(client, "trade"), sent_at(other, "trade"), strict=True)]
    assert max(late) == pytest.approx(0.7, abs=0.001)
    assert sent_at(client, "trade") == sorted(sent_at(client, "trade"))
    assert all(by == 0 for by, at in zip(late, sent_at(other, "trade"), strict=True) if not 1 <= at < 2.7)


@pytest.mark.parametrize("kind", MarketKind)
def test_a_gap_of_one(kind: MarketKind) -> None:
    """One diff claims to follow an id that nobody got: U is one too high, on USD-M pu."""
    bench = Bench(faults="gap@1s", kind=kind)
    group = "public" if kind is MarketKind.USDM else ""
    client, other = (bench.connect("depth@100ms", group=group) for _ in range(2))
    bench.play(3)
    field = "pu" if kind is MarketKind.USDM else "U"
    differs = [
        (one[field], two[field]) for one, two in zip(client.of("depthUpdate"), other.of("depthUpdate"), strict=True) if one != two
    ]
    assert len(differs) == 1
    assert differs[0][0] == differs[0][1] + 1


def test_a_silent_subscription() -> None:
    """For the window nothing of that stream comes to one connection, while its other streams and other connections go on."""
    bench = Bench(faults="silent=depth@2s-4s")
    client, other = bench.connect("depth@100ms", "trade"), bench.connect("depth@100ms")
    bench.play(6)
    assert not [at for at in sent_at(client, "depth") if 2 <= at < 4]
    assert [at for at in sent_at(client, "depth") if at > 4]
    assert len([at for at in sent_at(other, "depth") if 2 <= at < 4]) == 20
    assert [at for at in sent_at(client, "trade") if 2 <= at < 4]


# -- REST ------------------------------------------------------------------------------------------------------------


def test_a_stale_snapshot() -> None:
    """The book of some seconds ago, too old for anybody who just began to listen; the next request is answered right."""
    bench = Bench(faults="stale_snapshot=2s@#1")
    bench.play(5)
    client = bench.connect("depth@100ms")
    bench.play(0.5)
    stale = bench.get(f"depth?symbol={SYMBOL}")["lastUpdateId"]
    assert stale < client.of("depthUpdate")[0]["U"]
    assert bench.get(f"depth?symbol={SYMBOL}")["lastUpdateId"] == bench.core.truth(SYMBOL).update_id


def test_a_slow_snapshot() -> None:
    """The answer is made at once and leaves later."""
    bench = Bench(faults="slow_snapshot=1500ms@#2")
    assert [bench.ask(f"depth?symbol={SYMBOL}").delay_us for _ in range(3)] == [0, 1_500_000, 0]


@pytest.mark.parametrize("kind", MarketKind)
@pytest.mark.parametrize("wait_s", [0.5, 0.5003, 0.55, 0.59])
def test_snapshots_that_straddle_or_do_not(kind: MarketKind, wait_s: float) -> None:
    """``straddle``: the snapshot lies within the next diff (U <= L < u). ``no_straddle``: it ends where a diff ended."""
    for fault in ("straddle", "no_straddle"):
        bench = Bench(faults=fault, kind=kind)
        client = bench.connect("depth@100ms", group="public" if kind is MarketKind.USDM else "")
        bench.play(wait_s)
        body = bench.ask(f"depth?symbol={SYMBOL}&limit=1000").body
        last_id = json.loads(body)["lastUpdateId"]
        bench.play(2)
        diffs = client.of("depthUpdate")
        if fault == "straddle":
            assert [one for one in diffs if one["U"] <= last_id < one["u"]]
        else:
            assert last_id in [one["u"] for one in diffs]
        sync: BookSync = bench.book_of(client, body)
        left = bench.core.markets[SYMBOL].book.as_of_last_diff("100ms")
        assert (sync.update_id, list(sync.book.bids), list(sync.book.asks)) == (left.update_id, left.bids, left.asks)


def test_a_straddling_snapshot_lies_within_even_if_nothing_follows() -> None:
    """With no change after the snapshot, the diff still ends beyond it."""
    script = [snapshot(0.0, 10, [(100, 5)], [(110, 5)]), delta(0.52, 11, 11, [(99, 1)], []), delta(3.0, 12, 12, [(98, 1)], [])]
    bench = Bench(sources={SYMBOL: ScriptedSource(script)}, faults="straddle")
    client = bench.connect("depth@100ms")
    bench.play(0.55)
    assert bench.get(f"depth?symbol={SYMBOL}")["lastUpdateId"] == 11
    bench.play(1)
    assert [(one["U"], one["u"]) for one in client.of("depthUpdate")] == [(11, 12)]


def test_429_and_418_with_retry_after() -> None:
    """All requests are refused until the time is over, which Retry-After tells."""
    for fault, status in (("too_many=2s@1s", 429), ("banned=2s@1s", 418)):
        bench = Bench(faults=fault)
        assert bench.ask("ping").status == 200
        bench.play(1.5)
        refused = bench.ask("ping")
        assert (refused.status, refused.headers["Retry-After"]) == (status, "2")
        assert json.loads(refused.body)["code"] == -1003
        bench.play(1)
        assert bench.ask(f"depth?symbol={SYMBOL}").status == status
        bench.play(1.1)
        assert bench.ask("ping").status == 200


def test_server_errors() -> None:
    """So many requests get that status, or one of the 5xx drawn from the seed."""
    bench = Bench(faults="server_error=503:2@1s")
    bench.play(1.1)
    assert [bench.ask("ping").status for _ in range(3)] == [503, 503, 200]
    assert Bench(faults="server_error").ask("ping").status in (500, 502, 503, 504)


# -- the log and the grammar -----------------------------------------------------------------------------------------


def test_what_was_injected_is_told_as_json() -> None:
    """The status is plain data and lists every fault with its moment, connection and subject."""
    bench = Bench(faults="lose=1:depth@1s,slow_snapshot=10ms,drop@2s")
    bench.connect("depth@100ms")
    bench.play(1.5)
    bench.ask(f"depth?symbol={SYMBOL}")
    bench.play(2)
    status = json.loads(json.dumps(bench.core.status()))
    assert [one["name"] for one in status["injected"]] == ["lose", "slow_snapshot", "drop"]
    assert status["faults"] == "lose=1:depth@1s,slow_snapshot=10ms,drop@2s"
    assert status["injected"][0]["connection"] == 1


def test_without_faults_nothing_is_injected() -> None:
    """A plan is empty unless it is asked for."""
    bench = Bench()
    bench.connect("depth@100ms", "trade", "bookTicker")
    bench.play(30)
    assert bench.core.status()["injected"] == []


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("explode", "no fault 'explode'; choose one of"),
        ("lose=x", "'x' is no number"),
        ("lose=0%", "'0%' is no chance"),
        ("lose=101%", "'101%' is no chance"),
        ("lose@never", "'never' is no moment"),
        ("lose@9s-3s", "is no moment"),
        ("lose@#0", "is no opportunity"),
        ("lose=before_upgrade", "only drop has steps"),
        ("drop", "needs a step"),
        ("drop=frames", "needs a number of messages"),
        ("lifetime", "needs an age"),
        ("shutdown", "needs a moment"),
        ("ping_storm@#3", "needs a moment"),
    ],
)
def test_a_wrong_plan_is_refused_with_its_part(spec: str, told: str) -> None:
    """The message names the fault as it was written, and what would be right."""
    with pytest.raises(UsageError, match=re.escape(told)) as caught:
        parse_faults(f"lose=1%,{spec}")
    assert spec in str(caught.value)


def test_every_fault_has_a_test_here() -> None:
    """A new fault comes with a test of it."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [
        name
        for name in set(FaultName) - TRADING_FAULTS
        if not re.search(rf'faults=f?"[^"]*\b{name}\b|\("{name}[="@]|"{name}"', text)
    ] == []
