"""Which files of the archive hold the days that are asked for."""

from datetime import date

import pytest

from flashcrash_binance.archive import ArchiveKind, ArchiveMarket, base_address, days_asked, plan
from flashcrash_core.api import UsageError

BASE = "data/spot/daily/aggTrades/BTCUSDT/"


def paths(first: str, last: str, kind: str = "aggTrades", market: str = "spot", symbol: str = "BTCUSDT") -> list[str]:
    """Paths of the planned files."""
    files = plan(symbol, *days_asked(first, last), ArchiveKind(kind), ArchiveMarket(market))
    return [one.path for one in files]


def test_days_and_whole_months() -> None:
    """A whole month is one file, the days around it one each; across a leap day and a turn of the year."""
    assert paths("2024-01-31", "2024-03-01") == [
        f"{BASE}BTCUSDT-aggTrades-2024-01-31.zip",
        "data/spot/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-02.zip",
        f"{BASE}BTCUSDT-aggTrades-2024-03-01.zip",
    ]
    assert paths("2024-12-31", "2025-01-01") == [
        f"{BASE}BTCUSDT-aggTrades-2024-12-31.zip",
        f"{BASE}BTCUSDT-aggTrades-2025-01-01.zip",
    ]
    assert paths("2024-12", "2025-01") == [
        f"data/spot/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-{month}.zip" for month in ("2024-12", "2025-01")
    ]
    assert len(paths("2024-02-01", "2024-02-28")) == 28


@pytest.mark.parametrize(
    ("kind", "market", "path"),
    [
        ("trades", "spot", "data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2025-10-10.zip"),
        ("klines", "spot", "data/spot/daily/klines/BTCUSDT/1s/BTCUSDT-1s-2025-10-10.zip"),
        ("aggTrades", "um", "data/futures/um/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2025-10-10.zip"),
    ],
)
def test_paths(kind: str, market: str, path: str) -> None:
    """Each kind and market stands where the archive keeps it."""
    assert paths("2025-10-10", "2025-10-10", kind, market) == [path]


def test_days_of_a_month() -> None:
    """A month without a file of its own falls apart into its days."""
    (month,) = plan("BTCUSDT", date(2024, 2, 1), date(2024, 2, 29), ArchiveKind.TRADES, ArchiveMarket.SPOT)
    days = list(month.days())
    assert (month.monthly, len(days), days[-1].name) == (True, 29, "BTCUSDT-trades-2024-02-29.zip")


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("2025-10-10", "2025-10-09", "TO 2025-10-09 is before FROM"),
        ("2025-13", "2025-13", "FROM 2025-13: expected a day"),
        ("2025-02-29", "2025-03-01", "FROM 2025-02-29: expected a day"),
        ("yesterday", "2025-03-01", "FROM yesterday"),
        ("2025-03-01", "20250302", "TO 20250302"),
    ],
)
def test_days_that_are_none(first: str, last: str, words: str) -> None:
    """What is no day, or none in that order, is a fault of the command line."""
    with pytest.raises(UsageError, match=words):
        days_asked(first, last)


def test_what_the_archive_cannot_have() -> None:
    """1s klines of futures and strange symbols are refused before any request."""
    with pytest.raises(UsageError, match="for spot only"):
        paths("2025-10-10", "2025-10-10", "klines", "um")
    for symbol in ("../etc", "btcusdt", "", "BTC/USDT"):
        with pytest.raises(UsageError, match="not a symbol"):
            paths("2025-10-10", "2025-10-10", symbol=symbol)


@pytest.mark.parametrize("text", ["ftp://host/x", "file:///etc", "host", "http://", "https://host/?a=b"])
def test_addresses_that_are_none(text: str) -> None:
    """Only http and https addresses are asked."""
    with pytest.raises(UsageError, match="--base"):
        base_address(text)
    assert base_address("https://host/mirror/") == "https://host/mirror"
