"""The driver carries out what a core wants and hands in what happens: over real sockets on loopback, with a scripted core."""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from attrs import define, field
from scripted_server import Client, Script, frame, http, scripted_server

from flashcrash_binance.endpoints import Environment, endpoints
from flashcrash_binance.market_feed.actions import Action, Connect, Disconnect, Fetch
from flashcrash_binance.transport.clock import steady_clock
from flashcrash_binance.transport.driver import FeedDriver
from flashcrash_binance.transport.interface import transport_named
from flashcrash_binance.transport.rest import RestClient
from flashcrash_core.api import MarketKind

NEVER = 2**62
transports = pytest.mark.parametrize("transport", ["websockets", "picows"])


@define(eq=False)
class ScriptedCore:
    """Writes down what it is told; wants what the test puts into ``actions``."""

    actions: deque[Action] = field(factory=deque)
    events: deque[Any] = field(factory=deque)
    told: list[tuple[Any, ...]] = field(factory=list)
    times: list[int] = field(factory=list)
    next_time_us: int = NEVER
    fresh: asyncio.Event = field(factory=asyncio.Event)
    reply: Callable[[tuple[Any, ...]], None] = lambda _what: None

    def _tell(self, now_us: int, *what: Any) -> None:
        self.told.append(what)
        self.times.append(now_us)
        self.fresh.set()
        self.reply(what)

    def start(self, now_us: int) -> None:
        self._tell(now_us, "start")

    def on_open(self, connection: int, now_us: int) -> None:
        self._tell(now_us, "open", connection)

    def on_message(self, connection: int, payload: bytes, now_us: int) -> None:
        self._tell(now_us, "message", connection, payload)

    def on_close(self, connection: int, now_us: int, reason: str) -> None:
        self._tell(now_us, "close", connection, reason)

    def on_answer(self, request: int, status: int, headers: Mapping[str, str], body: bytes, sent_us: int, now_us: int) -> None:
        assert sent_us <= now_us
        self._tell(now_us, "answer", request, status, body, headers.get("retry-after"))

    def on_failure(self, request: int, reason: str, now_us: int) -> None:
        self._tell(now_us, "failure", request, reason)

    def on_time(self, now_us: int) -> None:
        assert now_us >= self.next_time_us
        self.next_time_us = NEVER
        self._tell(now_us, "time")

    async def until(self, *what: Any) -> None:
        """Return when something that begins like this was told."""
        while not any(told[: len(what)] == what for told in self.told):
            await self.fresh.wait()
            self.fresh.clear()


Play = Callable[[ScriptedCore, FeedDriver], Awaitable[None]]


def played(play: Play, script: Script, transport: str = "websockets") -> tuple[ScriptedCore, list[str], list[BaseException]]:
    """Runs ``play`` with a driver that was started, and stops it; the core, what was asked for, and the defects."""
    defects: list[BaseException] = []

    async def whole() -> tuple[ScriptedCore, list[str]]:
        core = ScriptedCore()
        loop, clock = asyncio.get_running_loop(), steady_clock()
        async with scripted_server(script) as server, asyncio.timeout(20):
            where = endpoints(MarketKind.SPOT, Environment.LIVE, server.rest, server.ws)
            rest = RestClient(where.rest, clock)
            driver = FeedDriver(
                core,
                where,
                transport_named(transport, loop),  # type: ignore[arg-type]
                rest,
                clock,
                loop,
                on_events=lambda: None,
                on_defect=defects.append,
                query=lambda fetch: {"symbol": fetch.symbol, "limit": fetch.limit},
            )
            driver.start()
            try:
                await play(core, driver)
            finally:
                await driver.stop()
                told = len(core.told)
                await rest.close()
            assert len(core.told) == told, "the core was called after stop()"
        return core, server.asked

    core, asked = asyncio.run(whole())
    return core, asked, defects


async def market(client: Client) -> None:
    """Streams say their own name and stay; REST answers, ``time`` with 429; ``bookTicker`` hangs up."""
    path, _, query = client.target.partition("?")
    if path == "/stream":
        await client.upgrade()
        await client.send(frame(query.encode()))
        await client.gone()
    elif path.endswith("/time"):
        await client.send(http(429, b"wait", "Retry-After: 3"))
    elif path.endswith("/depth"):
        await client.send(http(200, json.dumps({"lastUpdateId": 7}).encode()))


@transports
def test_connections_are_opened_heard_and_dropped(transport: str) -> None:
    """Connect opens the stream URL, messages come with their connection's number, Disconnect ends it without a word."""

    async def play(core: ScriptedCore, driver: FeedDriver) -> None:
        core.actions.extend([Connect(1, "", ("a@trade", "a@depth@100ms")), Connect(2, "", ("a@trade",))])
        driver.after()
        await core.until("message", 1)
        await core.until("message", 2)
        core.actions.append(Disconnect(1, "replaced"))
        driver.after()

    core, asked, defects = played(play, market, transport)
    assert core.told[0] == ("start",)
    assert ("message", 1, b"streams=a@trade/a@depth@100ms") in core.told
    assert ("message", 2, b"streams=a@trade") in core.told
    assert core.told.index(("open", 1)) < core.told.index(("message", 1, b"streams=a@trade/a@depth@100ms"))
    assert not [told for told in core.told if told[0] == "close"]
    assert len(asked) == 2
    assert defects == []
    assert core.times == sorted(core.times)


@transports
def test_a_refused_and_a_cut_connection_are_told_in_words(transport: str) -> None:
    """What ended a connection reaches the core as one sentence, once, and the driver remembers the failure."""

    async def script(client: Client) -> None:
        if "one" in client.target:
            await client.send(http(503, b""))
        else:
            await client.upgrade()

    async def play(core: ScriptedCore, driver: FeedDriver) -> None:
        core.actions.extend([Connect(1, "", ("one",)), Connect(2, "", ("two",))])
        driver.after()
        await core.until("close", 1)
        await core.until("close", 2)
        assert driver.last_failure is not None
        assert driver.opened == 1
        assert driver.links == {}

    core, _, _ = played(play, script, transport)
    reasons = {told[1]: told[2] for told in core.told if told[0] == "close"}
    assert "HTTP 503" in reasons[1]
    assert "cut" in reasons[2]
    assert len([told for told in core.told if told[0] == "close"]) == 2


def test_answers_and_failures_come_with_their_request() -> None:
    """A 429 is an answer with its headers; a connection that breaks is a failure in words; the query is built by the owner."""

    async def play(core: ScriptedCore, driver: FeedDriver) -> None:
        core.actions.extend([Fetch(5, "depth", "BTCUSDT", 1000), Fetch(6, "time"), Fetch(7, "bookTicker")])
        driver.after()
        await core.until("answer", 5)
        await core.until("answer", 6)
        await core.until("failure", 7)

    core, asked, _ = played(play, market)
    assert ("answer", 5, 200, b'{"lastUpdateId": 7}', None) in core.told
    assert ("answer", 6, 429, b"wait", "3") in core.told
    assert "/api/v3/depth?symbol=BTCUSDT&limit=1000" in asked


def test_actions_wait_for_their_time_and_can_be_called_off() -> None:
    """not_before_us is kept for connections and requests; a connection that is dropped while it waits is never opened."""
    begun: list[int] = []

    async def play(core: ScriptedCore, driver: FeedDriver) -> None:
        begun.append(driver.clock() + 50_000)
        soon, late = begun[0], driver.clock() + 60_000_000
        core.actions.extend([Connect(1, "", ("soon",), soon), Connect(2, "", ("never",), late), Fetch(3, "depth", "A", 5, soon)])
        driver.after()
        core.actions.append(Disconnect(2, "not needed any more"))
        driver.after()
        await core.until("message", 1)
        await core.until("answer", 3)

    core, asked, _ = played(play, market)
    waited = [at for at, told in zip(core.times, core.told, strict=True) if told[0] in ("open", "answer")]
    assert min(waited) >= begun[0]
    assert not [target for target in asked if "never" in target]


def test_time_is_told_when_the_core_wants_it_and_not_before() -> None:
    """on_time comes at next_time_us or later, also when the core brings it forward."""
    wanted: list[int] = []

    async def play(core: ScriptedCore, driver: FeedDriver) -> None:
        core.next_time_us = driver.clock() + 60_000_000
        driver.after()
        wanted.append(driver.clock() + 20_000)
        core.next_time_us = wanted[0]
        driver.after()
        await core.until("time")

    core, _, _ = played(play, market)
    at = core.times[core.told.index(("time",))]
    assert at >= wanted[0]


@pytest.mark.parametrize("what", ["start", "open", "message", "answer"])
def test_a_defect_of_the_core_reaches_the_owner(what: str) -> None:
    """What the core raises is handed to on_defect, wherever it was called from, and does not end in a log."""

    async def play(core: ScriptedCore, driver: FeedDriver) -> None:
        def reply(told: tuple[Any, ...]) -> None:
            if told[0] == what:
                raise ZeroDivisionError(what)

        core.reply = reply
        core.actions.extend([Connect(1, "", ("a",)), Fetch(2, "depth", "A", 5)])
        if what == "start":
            with pytest.raises(ZeroDivisionError):
                driver.start()
        else:
            driver.after()
            await core.until(what)

    _, _, defects = played(play, market)
    assert [str(error) for error in defects] == ([] if what == "start" else [what])
