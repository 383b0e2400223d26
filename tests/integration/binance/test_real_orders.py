"""``flashcrash run --mode real`` against the local exchange: a crash traded over real sockets, killed, taken up again."""

import hashlib
import hmac
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import evolve
from local_exchange import LocalExchange, local_exchange

RENDER = Path(__file__).parents[3] / "benchmarks" / "render_capture.py"
BASELINES = ("volatility", "spread", "volume_delta", "message_velocity", "depth")
# Half a minute of calm, played twice as fast, and a crash: what has to be learnt before is made short.
QUICK = (
    "detector.warmup_s=12",
    "strategy.score_threshold=40",
    "strategy.volume_bars=10",
    "strategy.volume_ratio=0.1",
    "strategy.range_min_samples=10",
    "strategy.order_type=market",  # limit orders are filled or missed by the moment at which they arrive
    "strategy.min_edge_bp=-9000",
    "strategy.target=false",  # positions are held for a while, so that there is something to be killed with
    "strategy.time_decay=false",
    "strategy.trailing_stop=false",
    *(f"indicators.{name}.baseline_s=12" for name in BASELINES),
    *(f"indicators.{name}.min_samples=5" for name in BASELINES),
)


class Venue:
    """The exchange's own records, asked for with a signature of the test's own."""

    def __init__(self, exchange: LocalExchange) -> None:
        self._exchange = exchange

    def ask(self, path: str, **params: Any) -> Any:
        """A signed GET."""
        query = urlencode(params | {"timestamp": time.time_ns() // 1_000_000})
        secret = self._exchange.api_secret.encode()
        signature = hmac.new(secret, query.encode(), hashlib.sha256).hexdigest()
        url = f"{self._exchange.rest}{path}?{query}&signature={signature}"
        request = urllib.request.Request(url, headers={"X-MBX-APIKEY": self._exchange.api_key})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def command(folder: Path, exchange: LocalExchange, *words: str, key: bool = True) -> "subprocess.Popen[str]":
    """The command in a process of its own, with the key in its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FLASHCRASH") and name != "COLUMNS"}
    if key:
        clean |= {"FLASHCRASH_BINANCE_KEY": exchange.api_key, "FLASHCRASH_BINANCE_SECRET": exchange.api_secret}
    line = [sys.executable, "-W", "error", "-m", "flashcrash_core", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(line, cwd=folder, env=clean, text=True, **pipes)


def start(folder: Path, exchange: LocalExchange, *more: str, key: bool = True) -> "subprocess.Popen[str]":
    """A run of real orders at the exchange."""
    at = (*exchange.settings, "--set", f"executor.rest={exchange.rest}", "--set", f"executor.ws_api={exchange.ws_api}")
    quick = [word for setting in QUICK for word in ("--set", setting)]
    words = ("run", "--mode", "real", "--feed", "binance", "--symbols", "SIMUSDT", *at, *quick, "--db", "real.db", "--json")
    return command(folder, exchange, *words, *more, key=key)


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """Of the database, while it is written or after; nothing before it exists."""
    try:
        connection = sqlite3.connect(f"file:{folder / 'real.db'}?mode=ro", uri=True, timeout=5)
    except sqlite3.OperationalError:
        return []
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


@pytest.mark.slow
def test_a_crash_is_traded_killed_and_taken_up(tmp_path: Path) -> None:
    """Killed with -9 right after an entry was filled: a new run is refused, the session is taken up, what is held is left, and in
    the end storage and the exchange tell the same: the same trades, nothing open, nothing bought twice."""
    capture = tmp_path / "crash.gz"
    subprocess.run([sys.executable, RENDER, capture, "--calm", "30"], check=True, timeout=60, stdout=subprocess.DEVNULL)
    with local_exchange(tmp_path, "--source", str(capture), "--speed", "2") as exchange:
        venue = Venue(exchange)
        first = start(tmp_path, exchange, "--duration", "62")
        while not rows(tmp_path, "SELECT 1 FROM notices WHERE kind = 'FILL'"):
            assert first.poll() is None, f"no entry was filled\n{first.communicate()}"
            time.sleep(0.002)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=30)
        ((session,),) = rows(tmp_path, "SELECT id FROM sessions")
        held = rows(tmp_path, "SELECT sum(side * (qty_lots - fee_lots)) FROM fills")[0][0]

        if held:  # else the exit was filled as well before the signal came
            refused = start(tmp_path, exchange)
            _, said = refused.communicate(timeout=60)
            assert refused.returncode == 2, said
            assert f"run --resume {session}" in said

        again = command(tmp_path, exchange, "run", "--resume", session, "--db", "real.db", "--json")
        deadline = time.monotonic() + 60
        while rows(tmp_path, "SELECT sum(side * (qty_lots - fee_lots)) FROM fills") != [(0,)] and again.poll() is None:
            assert time.monotonic() < deadline, "what was held is still held"
            time.sleep(0.05)
        again.send_signal(signal.SIGINT)
        out, said = again.communicate(timeout=60)
        assert again.returncode == 130, said
        report = json.loads(out)
        assert any(line.startswith("taken up:") for line in report["warnings"]), report["warnings"]
        assert (report["orders_open"], report["open_positions"]) == (0, 0), report
        assert report["executor_health"]["orders_unknown"] == 0

        told = {trade["id"]: Decimal(trade["qty"]) for trade in venue.ask("/api/v3/myTrades", symbol="SIMUSDT")}
        stored = rows(tmp_path, "SELECT trade_id, qty_lots, side, fee_lots FROM fills")
        assert {row[0] for row in stored} == set(told), "the same trades, none lost"
        assert len(stored) == len(told), "none twice"
        lots = Counter({row[0]: row[1] for row in stored})
        lot = min(quantity / lots[number] for number, quantity in told.items())
        assert all(quantity == lots[number] * lot for number, quantity in told.items())
        assert venue.ask("/api/v3/openOrders", symbol="SIMUSDT") == []
        sent = {row[0] for row in rows(tmp_path, "SELECT client_id FROM intents WHERE kind = 'submit'")}
        known = [order["clientOrderId"] for order in venue.ask("/api/v3/allOrders", symbol="SIMUSDT")]
        assert len(known) == len(set(known)), "no order came twice"
        assert set(known) <= sent, "the exchange has no order that was not stored first"
        balances = {one["asset"]: Decimal(one["free"]) + Decimal(one["locked"]) for one in venue.ask("/api/v3/account")["balances"]}
        left = balances.get("SIM", Decimal(0))
        assert Decimal(0) <= left < lot * len(stored), "dust of commissions, and nothing else"


@pytest.mark.slow
def test_a_start_that_must_not_be_says_why(tmp_path: Path) -> None:
    """No key, a wrong secret, a key that may withdraw, a wrong address, no money, a wrong clock: one message each with what to do,
    exit code 2 or 1, and not one order at the exchange."""
    with local_exchange(tmp_path, "--key-rights", "withdrawals") as exchange:
        process = start(tmp_path, exchange)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 2, said
        assert "withdraw" in said.casefold()
    with local_exchange(tmp_path) as exchange:
        wrong = [
            (start(tmp_path, exchange, key=False), "FLASHCRASH_BINANCE_KEY"),
            (start(tmp_path, evolve(exchange, api_secret="x" * 64)), "secret does not belong to the key"),
            (start(tmp_path, exchange, "--set", "executor.ws_api=ws://127.0.0.1:9/ws-api/v3"), "127.0.0.1:9"),
        ]
        for process, words in wrong:
            _, said = process.communicate(timeout=90)
            assert process.returncode in (1, 2), said
            assert words in said
            assert "Traceback" not in said
            assert exchange.api_secret not in said
        assert Venue(exchange).ask("/api/v3/allOrders", symbol="SIMUSDT") == []
    with local_exchange(tmp_path, "--clock-offset", "20000") as exchange:
        process = start(tmp_path, exchange)
        _, said = process.communicate(timeout=60)
        assert "clock is 20.0 s behind the venue's" in said
    with local_exchange(tmp_path, "--balances", "SIM=1") as exchange:
        process = start(tmp_path, exchange)
        _, said = process.communicate(timeout=60)
        assert "no free USDT" in said
