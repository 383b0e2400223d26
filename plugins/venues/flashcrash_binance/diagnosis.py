"""``flashcrash doctor --feed binance``: each step of the way to Binance, until one fails, and what to do about that one."""

import asyncio
import json
import os
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field

from flashcrash_binance.endpoints import Endpoints
from flashcrash_binance.feed_config import BinanceConfig
from flashcrash_binance.transport.clock import Clock, steady_clock
from flashcrash_binance.transport.failures import Failure, failure_of
from flashcrash_binance.transport.interface import transport_named
from flashcrash_binance.transport.rest import RestClient
from flashcrash_binance.venue_questions import ask, listed, where_it_is
from flashcrash_core.api import Finding, FlashcrashError

__all__ = ["diagnose"]

_STEP_S: Final = 10.0
_TIME_SAMPLES: Final = 5
_CLOCK_WARN_MS: Final = 1000.0
"""Binance refuses signed requests that are a second ahead of it (reference/binance.md section 4)."""
_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def diagnose(config: BinanceConfig, symbols: Sequence[str]) -> list[Finding]:
    """Everything between this machine and the market data of ``symbols``. Asks the venue, sends nothing that is signed."""
    try:
        where = config.endpoints()
    except FlashcrashError as error:
        return [Finding("binance addresses", "fail", str(error), "correct [feeds.binance]")]

    async def all_of_them() -> list[Finding]:
        return [finding async for finding in _steps(config, where, tuple(symbols) or tuple(config.symbols))]

    return asyncio.run(all_of_them())


async def _steps(config: BinanceConfig, where: Endpoints, symbols: tuple[str, ...]) -> AsyncIterator[Finding]:
    yield Finding("binance", "ok", f"{where_it_is(where)} ({config.environment}): {where.rest}, {where.ws}")
    if told := [name for name in _PROXIES if os.environ.get(name)]:
        found = f"{', '.join(told)} is set and not used"
        yield Finding("binance proxy", "warn", found, "the feed connects directly; let it through the firewall")
    clock = steady_clock()
    reached: dict[str, bool] = {}
    for name, base in (("rest", where.rest), ("ws", where.ws)):
        reached[name] = True
        async for finding in _way_to(name, base, clock):
            reached[name] = finding.status != "fail"
            yield finding
    if reached["rest"]:
        rest = RestClient(where.rest, clock)
        try:
            async for finding in _answers(rest, where, symbols):
                yield finding
        finally:
            await rest.close()
    if reached["ws"] and symbols:
        yield await _frame(config, where, symbols[0], clock)


async def _way_to(name: str, base: str, clock: Clock) -> AsyncIterator[Finding]:
    """The name, the connection and TLS."""
    parts = urlsplit(base)
    secure = parts.scheme in ("https", "wss")
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), _STEP_S)
    except OSError as error:
        yield _failed(f"binance {name} name", failure_of(error, base))
        return
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    yield Finding(f"binance {name} name", "ok", f"{host} is {', '.join(addresses[:4])}")
    began_us = clock()
    try:
        async with asyncio.timeout(_STEP_S):
            _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        yield _failed(f"binance {name} connection", failure_of(error, base))
        return
    yield Finding(f"binance {name} connection", "ok", f"port {port} answers in {(clock() - began_us) / 1000:.0f} ms")
    try:
        if secure:
            yield await _secured(name, base, host, writer)
    finally:
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await asyncio.wait_for(writer.wait_closed(), 1.0)


async def _secured(name: str, base: str, host: str, writer: asyncio.StreamWriter) -> Finding:
    try:
        async with asyncio.timeout(_STEP_S):
            await writer.start_tls(ssl.create_default_context(), server_hostname=host)
    except (OSError, ssl.SSLError) as error:
        return _failed(f"binance {name} TLS", failure_of(error, base))
    secured = writer.get_extra_info("ssl_object")
    certificate = writer.get_extra_info("peercert") or {}
    return Finding(f"binance {name} TLS", "ok", f"{secured.version()}, certificate until {certificate.get('notAfter', 'unknown')}")


async def _answers(rest: RestClient, where: Endpoints, symbols: tuple[str, ...]) -> AsyncIterator[Finding]:
    """Ping, time and the symbols. Each answer that is no success ends the questions."""
    try:
        ping = await ask(rest, where.path("ping"))
        weight = ping.headers.get("X-MBX-USED-WEIGHT-1M")
        used = f", {weight} of this minute's weight is used" if weight else ""
        yield Finding("binance ping", "ok", f"answers in {(ping.received_us - ping.sent_us) / 1000:.0f} ms{used}")
        yield await _time_offset(rest, where)
        if not symbols:
            yield Finding("binance symbols", "warn", "none was named", "name them with --symbols, as in --symbols BTCUSDT")
            return
        found = await listed(rest, where, symbols)
    except FlashcrashError as error:
        yield Finding("binance REST", "fail", str(error))
        return
    for symbol in symbols:
        one = found.get(symbol)
        if one is None:
            yield Finding(f"binance {symbol}", "fail", "is not listed", "check the spelling, and market in [feeds.binance]")
            continue
        grid = f"tick {one.instrument.tick_size}, lot {one.instrument.lot_size}, at least {one.instrument.min_notional}"
        if one.status == "TRADING":
            yield Finding(f"binance {symbol}", "ok", f"{one.status}; {grid}")
        else:
            yield Finding(f"binance {symbol}", "fail", f"{one.status}; {grid}", "it is not traded now; wait, or leave it out")


async def _time_offset(rest: RestClient, where: Endpoints) -> Finding:
    """The clock against the server's, by the quickest of a few answers (reference/binance.md section 4)."""
    best: tuple[float, float] | None = None
    for _ in range(_TIME_SAMPLES):
        answer = await ask(rest, where.path("time"))
        try:
            server_us = int(json.loads(answer.body)["serverTime"]) * 1000
        except (ValueError, KeyError, TypeError):
            return Finding("binance time", "fail", f"{where.path('time')} gives no serverTime", "rest is no address of Binance")
        trip_ms = (answer.received_us - answer.sent_us) / 1000
        offset_ms = (server_us - (answer.received_us + answer.sent_us) / 2) / 1000
        if best is None or trip_ms < best[0]:
            best = trip_ms, offset_ms
    assert best is not None
    trip_ms, offset_ms = best
    side = "behind" if offset_ms > 0 else "ahead of"
    found = f"this clock is {abs(offset_ms):.0f} ms {side} Binance's (give or take {trip_ms / 2:.0f} ms)"
    if abs(offset_ms) - trip_ms / 2 > _CLOCK_WARN_MS:
        return Finding("binance time", "warn", found, "set this machine's clock by NTP: signed requests would be refused")
    return Finding("binance time", "ok", found)


@define(eq=False)
class _Listener:
    """Waits for the first message of a stream."""

    done: "asyncio.Future[int | Failure | str]" = field(factory=lambda: asyncio.get_running_loop().create_future())
    opened: bool = False

    def on_open(self) -> None:
        self.opened = True

    def on_message(self, payload: bytes) -> None:
        self._tell(len(payload))

    def on_close(self, code: int, reason: str, failure: Failure | None) -> None:
        self._tell(failure or f"closed with code {code} {reason}".strip())

    def _tell(self, what: "int | Failure | str") -> None:
        if not self.done.done():
            self.done.set_result(what)


async def _frame(config: BinanceConfig, where: Endpoints, symbol: str, clock: Clock) -> Finding:
    """One message of the fastest stream of a symbol."""
    try:
        transport = transport_named(config.transport, asyncio.get_running_loop())
    except FlashcrashError as error:
        return Finding("binance stream", "fail", str(error))
    stream = f"{symbol.lower()}@depth@100ms"
    listener = _Listener()
    began_us = clock()
    connection = transport.connect(where.stream_url("public" if where.kind == "usdm" else "", (stream,)), listener)
    try:
        told = await asyncio.wait_for(asyncio.shield(listener.done), 2 * _STEP_S)
    except TimeoutError:
        told = "it is open and silent" if listener.opened else "no answer"
    finally:
        connection.close()
        await connection.wait_closed()
    if isinstance(told, int):
        after_ms = (clock() - began_us) / 1000
        return Finding("binance stream", "ok", f"{stream}: {told} bytes after {after_ms:.0f} ms ({transport.name})")
    if isinstance(told, Failure):
        return _failed("binance stream", told)
    advice = "check ws and market in [feeds.binance]; a quiet symbol may need longer"
    return Finding("binance stream", "fail", f"{stream}: {told}", advice)


def _failed(check: str, failure: Failure) -> Finding:
    return Finding(check, "fail", failure.what, failure.advice)
