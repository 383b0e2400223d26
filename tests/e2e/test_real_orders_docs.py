"""docs/real-orders.md: its settings are those of the executor, and what it promises to refuse is refused."""

import re
from pathlib import Path
from typing import Final

import attrs

from flashcrash_binance.order_gateway.actions import GatewaySettings
from flashcrash_binance.order_gateway.config import BinanceOrdersConfig

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "real-orders.md").read_text(encoding="utf-8")


def test_every_setting_is_there_and_no_other() -> None:
    """With its default."""
    cells = [line.split("|") for line in DOCUMENT.splitlines() if line.startswith("| `")]
    named = {name: row[2].strip() for row in cells for name in re.findall(r"`(\w+)`", row[1])}
    assert set(named) == {field.name for field in attrs.fields(BinanceOrdersConfig)}
    assert float(named["recv_window_ms"]) == BinanceOrdersConfig().recv_window_ms
    assert float(named["reconcile_s"]) == BinanceOrdersConfig().reconcile_s


def test_the_times_that_it_promises_are_those_of_the_gateway() -> None:
    """2 s for a reply, 10 s for the venue's own limit, 1 s for the clock, 15 s until trading halts."""
    settings = GatewaySettings()
    times = (settings.reply_us, settings.engine_us, settings.clock_error_us, settings.resolve_us)
    assert times == (2_000_000, 10_000_000, 1_000_000, 15_000_000)
    for words in ("within 2 s", "own 10 s and 1 s for the", "15 s after the venue can be asked"):
        assert words in DOCUMENT
