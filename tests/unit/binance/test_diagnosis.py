"""What ``flashcrash doctor --feed binance`` finds: each step of the way, and what is wrong with the one that fails."""

import asyncio
import json
import time
from collections.abc import Iterable
from typing import Any

import pytest
from scripted_server import Client, Script, frame, http, scripted_server

from flashcrash_binance import diagnosis
from flashcrash_binance.feed_config import BinanceConfig
from flashcrash_core.api import Finding

ENTRY = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "quoteAsset": "USDT",
    "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.01000000"},
        {"filterType": "LOT_SIZE", "stepSize": "0.00001000"},
        {"filterType": "NOTIONAL", "minNotional": "5.00000000"},
    ],
}


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies are no part of these tests."""
    for name in diagnosis._PROXIES:
        monkeypatch.delenv(name, raising=False)


def test_a_proxy_that_is_not_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is named, because the feed goes past it."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    finding = found(venue())["binance proxy"]
    assert finding.status == "warn"
    assert "HTTPS_PROXY" in finding.found


def venue(**answers: bytes) -> Script:
    """A small Binance; ``answers`` replace what it says to a path's last part."""
    sound: dict[str, bytes] = {
        "ping": http(200, b"{}", "X-MBX-USED-WEIGHT-1M: 12"),
        "exchangeInfo": http(200, json.dumps({"symbols": [ENTRY]}).encode()),
        "stream": frame(b'{"stream":"btcusdt@depth@100ms","data":{}}'),
    }

    async def script(client: Client) -> None:
        name = client.target.partition("?")[0].rpartition("/")[2]
        if name in answers:
            await client.send(answers[name])
        elif name == "time":
            await client.send(http(200, json.dumps({"serverTime": time.time_ns() // 1_000_000}).encode()))
        elif name == "stream":
            await client.upgrade()
            await client.send(sound[name])
            await client.gone()
        else:
            await client.send(sound[name])

    return script


def found(script: Script, symbols: Iterable[str] = ("BTCUSDT",), **options: Any) -> dict[str, Finding]:
    """The findings by check, against that venue."""

    async def play() -> list[Finding]:
        async with scripted_server(script) as server:
            config = BinanceConfig(rest=server.rest, ws=server.ws, **options)
            return await asyncio.to_thread(diagnosis.diagnose, config, tuple(symbols))

    return {finding.check: finding for finding in asyncio.run(play())}


@pytest.mark.parametrize("transport", ["websockets", "picows"])
def test_a_sound_venue_passes_every_step(transport: str) -> None:
    """Name, connection, ping, clock, symbol and a frame are each told as good, with what was measured."""
    findings = found(venue(), transport=transport)
    assert {finding.status for finding in findings.values()} == {"ok"}
    assert "TRADING; tick 0.01, lot 0.00001, at least 5" in findings["binance BTCUSDT"].found
    assert "12 of this minute's weight" in findings["binance ping"].found
    assert f"({transport})" in findings["binance stream"].found
    assert {"binance rest name", "binance ws connection", "binance time"} <= findings.keys()


def test_an_unknown_host_fails_at_its_name_and_goes_no_further() -> None:
    """Without a name nothing else of that address is tried; the other address is."""
    config = BinanceConfig(rest="http://no-such-host.invalid", ws="ws://no-such-host.invalid")
    findings = {finding.check: finding for finding in diagnosis.diagnose(config, ("BTCUSDT",))}
    assert findings["binance rest name"].status == findings["binance ws name"].status == "fail"
    assert "DNS" in findings["binance rest name"].advice
    assert not {"binance rest connection", "binance ping", "binance stream"} & findings.keys()


@pytest.mark.parametrize(("status", "says"), [(451, "place this machine is in"), (403, "firewall"), (418, "banned")])
def test_a_refusal_is_told_with_what_to_do(status: int, says: str) -> None:
    """A geo-block, a firewall and a ban are failures of REST and of the stream, each with its advice."""
    refusal = http(status, b"")
    findings = found(venue(ping=refusal, stream=refusal))
    assert findings["binance REST"].status == "fail"
    assert says in findings["binance REST"].found
    assert findings["binance stream"].status == "fail"
    assert says in findings["binance stream"].advice


def test_a_clock_that_is_wrong_is_a_warning_with_its_offset() -> None:
    """Three seconds off is told with sign and size, and how to mend it; market data can be read all the same."""
    ahead = http(200, json.dumps({"serverTime": time.time_ns() // 1_000_000 - 60_000}).encode())
    finding = found(venue(time=ahead))["binance time"]
    assert finding.status == "warn"
    assert "ahead of" in finding.found
    assert "NTP" in finding.advice


def test_symbols_that_are_unknown_or_halted_fail_by_name() -> None:
    """Each symbol has a line of its own."""
    halted = http(200, json.dumps({"symbols": [ENTRY | {"status": "BREAK"}]}).encode())
    findings = found(venue(exchangeInfo=halted), ("BTCUSDT", "NOUSDT"))
    assert findings["binance BTCUSDT"].status == findings["binance NOUSDT"].status == "fail"
    assert "BREAK" in findings["binance BTCUSDT"].found


def test_a_silent_stream_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connected without a message, as on the wrong path of USD-M, is a failure that says so."""
    monkeypatch.setattr(diagnosis, "_STEP_S", 0.2)

    async def script(client: Client) -> None:
        if "stream" in client.target:
            await client.upgrade()
            await client.gone()
        else:
            await venue()(client)

    finding = found(script)["binance stream"]
    assert finding.status == "fail"
    assert "open and silent" in finding.found


def test_addresses_that_are_none_are_told_before_anything_is_asked() -> None:
    """A bad base address is the only finding."""
    findings = diagnosis.diagnose(BinanceConfig(rest="localhost"), ())
    assert [finding.status for finding in findings] == ["fail"]
    assert "feeds.binance.rest" in findings[0].found
