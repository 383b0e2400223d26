"""``flashcrash run --feed binance`` against a local exchange: a crash traded, every way to end, every way not to begin."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from local_exchange import LocalExchange, local_exchange

from flashcrash_core.api import FlashcrashError, UsageError, VenueError
from flashcrash_core.runtime.launch import execute
from flashcrash_core.runtime.request import RunRequest

RENDER = Path(__file__).parents[3] / "benchmarks" / "render_capture.py"
# Half a minute of calm, played twice as fast, and a crash. What has to be learnt before is made short.
QUICK = (
    "detector.warmup_s=12",
    "strategy.score_threshold=40",
    "strategy.volume_bars=10",
    "strategy.volume_ratio=0.1",
    "strategy.range_min_samples=10",
    *(f"indicators.{name}.baseline_s=12" for name in ("volatility", "spread", "volume_delta", "message_velocity", "depth")),
    *(f"indicators.{name}.min_samples=5" for name in ("volatility", "spread", "volume_delta", "message_velocity", "depth")),
)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalExchange]:
    """An exchange with one symbol at its own speed."""
    with local_exchange(tmp_path_factory.mktemp("exchange")) as running:
        yield running


def flashcrash(folder: Path, *words: str, **options: Any) -> "subprocess.Popen[str]":
    """The command in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FLASHCRASH") and name != "COLUMNS"}
    command = [sys.executable, "-W", "error", "-m", "flashcrash_core", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=folder, env=clean, text=True, **pipes, **options)


def live(*settings: str, symbols: tuple[str, ...] = ("SIMUSDT",), **options: Any) -> dict[str, Any]:
    """The report of a live run in this process."""
    return execute(RunRequest(feed="binance", symbols=symbols, overrides=settings, keep=False, **options))


def at(rest: str, ws: str) -> tuple[str, str]:
    """Settings of these addresses."""
    return f"feeds.binance.rest={rest}", f"feeds.binance.ws={ws}"


@pytest.mark.slow
def test_a_crash_is_heard_detected_and_traded(tmp_path: Path) -> None:
    """Over real sockets and both connections, with the default faultless venue: the crash is found, entries are considered, the
    book is right at every comparison, and the report says how it was heard."""
    capture = tmp_path / "crash.gz"
    subprocess.run([sys.executable, RENDER, capture, "--calm", "30"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    with local_exchange(tmp_path, "--source", str(capture), "--speed", "2") as exchange:
        report = live(*at(exchange.rest, exchange.ws), "feeds.binance.verify_s=2", *QUICK, duration_s=62)
    health = report["feed_health"]
    assert report["data_tier"] == "L2"
    assert report["state_seconds"]["ACTIVE"] > 0, report["detection"]
    assert report["entries_made"] > 0, report["entries_rejected"]
    one = health["symbols"]["SIMUSDT"]
    assert one["usable"]
    assert (one["holes"], one["differences"], one["trades_lost"], health["reconnections"]) == (0, 0, 0, 0), health
    assert one["verified"] >= 15
    assert len(health["connections"]) == 2
    assert report["data"]["SIMUSDT"]["rejected"] == {}
    assert any("not from Binance" in warning for warning in report["warnings"])


def test_ctrl_c_ends_it_with_all_stored(exchange: LocalExchange, tmp_path: Path) -> None:
    """SIGINT: the whole report, exit code 130, the session in the database; to resume or verify it is refused with the reason."""
    words = ("run", "--feed", "binance", "--symbols", "SIMUSDT", *exchange.settings, "--json", "--db", "a.db", "--record", "kept")
    process = flashcrash(tmp_path, *words)
    recording = tmp_path / "kept" / "SIMUSDT"
    while not list(recording.glob("*")) and process.poll() is None:
        threading.Event().wait(0.05)
    threading.Event().wait(1.0)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    report = json.loads(out)
    session = report["session"]
    assert (report["status"], report["interrupted_by"]) == ("interrupted", "SIGINT")
    assert report["feed_health"]["symbols"]["SIMUSDT"]["usable"]
    assert f"sessions show {session}" in said
    assert "--resume" not in said

    for words in (("run", "--resume", session), ("sessions", "verify", session)):
        refused = flashcrash(tmp_path, *words, "--db", "a.db")
        _, said = refused.communicate(timeout=30)
        assert refused.returncode == 2, said
        assert "heard a running market" in said
        assert "Traceback" not in said
    shown = flashcrash(tmp_path, "sessions", "show", session, "--db", "a.db", "--json")
    out, said = shown.communicate(timeout=30)
    assert json.loads(out)["status"] == "interrupted", said


def test_duration_ends_it(exchange: LocalExchange) -> None:
    """--duration counts event time, which goes on by timers too."""
    report = live(*at(exchange.rest, exchange.ws), duration_s=2)
    data = report["data"]["SIMUSDT"]
    assert report["status"] == "done"
    assert 1.5e6 <= data["last_us"] - data["first_us"] <= 3e6


def test_speed_and_missing_symbols_are_refused(exchange: LocalExchange) -> None:
    """A running market has its own speed, and needs to be told its symbols; a symbol that is not listed is named."""
    with pytest.raises(UsageError, match=r"--speed 2\.0: .*own speed"):
        live(*at(exchange.rest, exchange.ws), speed="2")
    with pytest.raises(UsageError, match="--symbols BTCUSDT,ETHUSDT"):
        live(*at(exchange.rest, exchange.ws), symbols=())
    with pytest.raises(UsageError, match="NOSUCHUSDT"):
        live(*at(exchange.rest, exchange.ws), symbols=("SIMUSDT", "NOSUCHUSDT"))


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """host:port of a server that answers everything with this,until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that left before its answer is what some of these tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (451, b"", "place this machine is in"),
        (403, b"<html>blocked</html>", "firewall"),
        (418, b'{"code":-1003,"msg":"Way too many requests; IP banned."}', "IP banned"),
        (429, b"", "asked too much"),
        (404, b"", "not where Binance serves it"),
        (200, b"<html>Welcome to our hotel</html>", "not an answer of Binance"),
        (502, b"", "Binance's side"),
    ],
)
def test_a_venue_that_refuses_is_one_clear_message(status: int, body: bytes, says: str) -> None:
    """Whatever REST says instead of exchangeInfo ends the run before it began, with what to do."""
    with answering(status, body) as place, pytest.raises(VenueError, match=says):
        live(*at(f"http://{place}", f"ws://{place}"))


@pytest.mark.parametrize(("status", "says"), [(451, "place this machine is in"), (403, "firewall"), (404, "not where Binance")])
@pytest.mark.parametrize("transport", ["websockets", "picows"])
def test_streams_that_are_refused_for_good_end_it_at_once(exchange: LocalExchange, status: int, says: str, transport: str) -> None:
    """REST works, the streams do not and will not: no waiting for the time limit."""
    with answering(status, b"") as place, pytest.raises(VenueError, match=says) as refused:
        live(*at(exchange.rest, f"ws://{place}"), f"feeds.binance.transport={transport}", "feeds.binance.first_event_s=300")
    assert f"HTTP {status}" in str(refused.value)


def test_streams_that_do_not_answer_end_it_after_the_time_limit(exchange: LocalExchange) -> None:
    """Nobody listens there: tried again until the limit, then the last failure is told."""
    with answering(200, b"") as place:
        gone = place
    with pytest.raises(VenueError, match=r"no event within 1 s; the last failure: 127\.0\.0\.1:\d+: no connection"):
        live(*at(exchange.rest, f"ws://{gone}"), "feeds.binance.first_event_s=1")


def test_a_market_that_stays_silent_ends_it_after_the_time_limit(tmp_path: Path) -> None:
    """Subscribed, connected and silent, as on a wrong path of USD-M: the message says so."""
    with local_exchange(tmp_path, "--faults", "silent=all") as exchange, pytest.raises(VenueError, match="connected and silent"):
        live(*at(exchange.rest, exchange.ws), "feeds.binance.first_event_s=2")


def test_an_unknown_host_is_told_with_what_to_do() -> None:
    """Without DNS the message names the host and the setting."""
    with pytest.raises(VenueError, match=r"no-such-host\.invalid: the name cannot be resolved.*\[feeds\.binance\]"):
        live(*at("http://no-such-host.invalid", "ws://no-such-host.invalid"))


def test_wrong_addresses_are_a_configuration_error() -> None:
    """What is no base address is found before anything is asked, both at once."""
    with pytest.raises(FlashcrashError) as refused:
        live(*at("localhost:8080", "http://localhost"))
    assert "feeds.binance.rest" in str(refused.value)
    assert "feeds.binance.ws" in str(refused.value)
