"""Which files of Binance's public archive hold the days that are asked for. No I/O.

Layout of the archive: reference/binance.md section 13. A whole month is one file where the whole month is asked for, other days are
one file each. Monthly files appear on the first Monday of the next month, daily ones on the next day.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

from flashcrash_core.api import UsageError

__all__ = ["DEFAULT_BASE", "Archive", "ArchiveKind", "ArchiveMarket", "base_address", "days_asked", "plan"]

DEFAULT_BASE: Final = "https://data.binance.vision"
_SYMBOL: Final = re.compile(r"[A-Z0-9]{2,24}(?:_[0-9]{6})?")
_DAY: Final = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")
_KLINE_INTERVAL: Final = "1s"


class ArchiveKind(StrEnum):
    """What the rows are."""

    AGG_TRADES = "aggTrades"
    TRADES = "trades"
    KLINES = "klines"


class ArchiveMarket(StrEnum):
    """Which market."""

    SPOT = "spot"
    UM = "um"


@frozen
class Archive:
    """One file of the archive and the days it holds."""

    symbol: str
    kind: ArchiveKind
    market: ArchiveMarket
    first: date
    last: date

    @property
    def monthly(self) -> bool:
        """Whether it is a month's file."""
        return self.first != self.last

    @property
    def name(self) -> str:
        """Name of the file, such as ``BTCUSDT-aggTrades-2025-10-10.zip``."""
        period = self.first.strftime("%Y-%m") if self.monthly else self.first.isoformat()
        return f"{self.symbol}-{_KLINE_INTERVAL if self.kind is ArchiveKind.KLINES else self.kind}-{period}.zip"

    @property
    def path(self) -> str:
        """Path on the server, below the base address."""
        market = "spot" if self.market is ArchiveMarket.SPOT else f"futures/{self.market}"
        interval = (_KLINE_INTERVAL,) if self.kind is ArchiveKind.KLINES else ()
        return "/".join(("data", market, "monthly" if self.monthly else "daily", self.kind, self.symbol, *interval, self.name))

    def days(self) -> Iterator["Archive"]:
        """The files of its days, for a month that has no file yet."""
        for day in _days(self.first, self.last):
            yield Archive(self.symbol, self.kind, self.market, day, day)


def base_address(text: str) -> str:
    """A base address without its last slash. Raises UsageError for one that is no http or https address."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(f"--base {text}: expected an http or https address such as {DEFAULT_BASE}")
    return text.rstrip("/")


def days_asked(first: str, last: str) -> tuple[date, date]:
    """First and last day of FROM and TO, each ``YYYY-MM-DD`` or a whole month ``YYYY-MM``. Raises UsageError."""
    begin, end = _period("FROM", first)[0], _period("TO", last)[1]
    if end < begin:
        raise UsageError(f"TO {last} is before FROM {first}; both days are included")
    return begin, end


def plan(symbol: str, first: date, last: date, kind: ArchiveKind, market: ArchiveMarket) -> tuple[Archive, ...]:
    """The files that hold the days ``first`` to ``last``, in order. Raises UsageError for what the archive cannot have."""
    if not _SYMBOL.fullmatch(symbol):
        raise UsageError(f"SYMBOL {symbol}: not a symbol of Binance; write it as in BTCUSDT")
    if kind is ArchiveKind.KLINES and market is not ArchiveMarket.SPOT:
        raise UsageError("--kind klines: 1s klines exist for spot only; take --kind aggTrades for futures")
    files: list[Archive] = []
    day = first
    while day <= last:
        month_end = _month_end(day)
        until = month_end if day.day == 1 and month_end <= last else day
        files.append(Archive(symbol, kind, market, day, until))
        day = until + timedelta(days=1)
    return tuple(files)


def _period(name: str, text: str) -> tuple[date, date]:
    found = _DAY.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month = int(found[1]), int(found[2])
        if found[3] is None:
            return date(year, month, 1), _month_end(date(year, month, 1))
        return date(year, month, int(found[3])), date(year, month, int(found[3]))
    except ValueError:
        raise UsageError(f"{name} {text}: expected a day such as 2025-10-10 or a month such as 2025-10") from None


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
