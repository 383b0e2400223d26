"""Builders of sessions and records for the storage tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flashcrash_core.api import FillRecord, IntentRecord, NoticeRecord, SessionRecord, TradeRecord
from flashcrash_storage.sqlite import SqliteConfig, SqliteStore


def _session(session_id: str = "20251010-211300-a1b2", **changes: Any) -> SessionRecord:
    fields: dict[str, Any] = {
        "id": session_id,
        "mode": "paper",
        "status": "running",
        "symbols": ("BTCUSDT", "POLUSDT"),
        "profile": "robust",
        "data_tier": "synthetic",
        "version": "0.1.0",
        "plugins": {"sqlite": "flashcrash 0.1.0"},
        "config": {"profile": "robust", "risk": {"max_positions": 3}},
        "inputs": {"feed": "simulated", "seed": 7},
        "wall_started": "2025-10-10T21:13:00Z",
        "equity_start_minor": 10_000 * 10**10,
    }
    return SessionRecord(**(fields | changes))


def _intent(**changes: Any) -> IntentRecord:
    fields: dict[str, Any] = {
        "seq": 1,
        "t_us": 1_000,
        "symbol": "BTCUSDT",
        "kind": "submit",
        "client_id": "c1",
        "position_id": 1,
        "side": 1,
        "type": "LIMIT_MAKER",
        "price_ticks": 100,
        "qty_lots": 10,
        "reduce_only": False,
        "stressed": True,
        "reason": "entry",
    }
    return IntentRecord(**(fields | changes))


def _notice(**changes: Any) -> NoticeRecord:
    fields: dict[str, Any] = {
        "seq": 2,
        "t_us": 2_000,
        "symbol": "BTCUSDT",
        "kind": "ACK",
        "client_id": "c1",
        "state": "ACKED",
        "price_ticks": 0,
        "qty_lots": 0,
        "fee_minor": 0,
        "maker": False,
        "trade_id": 0,
        "reason": "",
    }
    return NoticeRecord(**(fields | changes))


def _fill(**changes: Any) -> FillRecord:
    fields: dict[str, Any] = {
        "seq": 3,
        "t_us": 3_000,
        "symbol": "BTCUSDT",
        "client_id": "c1",
        "position_id": 1,
        "side": 1,
        "price_ticks": 100,
        "qty_lots": 4,
        "notional_minor": 400,
        "fee_minor": 4,
        "maker": True,
        "trade_id": 71,
    }
    return FillRecord(**(fields | changes))


def _trade(**changes: Any) -> TradeRecord:
    fields: dict[str, Any] = {
        "seq": 9,
        "t_us": 9_000_000,
        "symbol": "BTCUSDT",
        "position_id": 1,
        "entry_us": 1_000_000,
        "exit_us": 9_000_000,
        "qty_lots": 10,
        "entry_ticks": 100.0,
        "exit_ticks": 103.5,
        "fee_minor": 2 * 10**10,
        "pnl_minor": 5 * 10**10,
        "exit_reason": "target",
        "score": 71.25,
    }
    return TradeRecord(**(fields | changes))


@pytest.fixture
def session() -> Callable[..., SessionRecord]:
    return _session


@pytest.fixture
def intent() -> Callable[..., IntentRecord]:
    return _intent


@pytest.fixture
def notice() -> Callable[..., NoticeRecord]:
    return _notice


@pytest.fixture
def fill() -> Callable[..., FillRecord]:
    return _fill


@pytest.fixture
def trade() -> Callable[..., TradeRecord]:
    return _trade


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "flashcrash.db")


@pytest.fixture
def opened(database: str) -> Iterator[Callable[..., SqliteStore]]:
    """Open stores on ``database``; all are closed at the end."""
    stores: list[SqliteStore] = []

    def open_one(**config: Any) -> SqliteStore:
        stores.append(SqliteStore(SqliteConfig(**config), database))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()
