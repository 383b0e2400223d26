"""Which column of a Binance bulk file (or one like it) means what, and whose trades they are.

Layouts: reference/binance.md section 13. Spot files have no header and a trailing ``bestMatch``; most futures files have a header
and lack it. Files of others with a header of their own names are read by aliases, ``quantity_<asset>`` among them.
"""

import re
from pathlib import Path
from typing import Final

from attrs import frozen

from flashcrash_core.api import DataError, MarketKind, Side
from flashcrash_feeds.tally import not_held
from flashcrash_feeds.trade_csv import split_header

__all__ = ["MAKER_FLAGS", "Layout", "recognise", "symbol_of_file"]

MAKER_FLAGS: Final = {
    flag: side for word, side in (("true", Side.SELL), ("false", Side.BUY)) for flag in (word, word.title(), word.upper())
}
"""``buyer is maker``: true means that the seller aggressed."""

_ALIASES: Final = {
    "ident": ("agg_trade_id", "aggregate_trade_id", "aggtradeid", "agg_id", "trade_id", "id", "a"),
    "price": ("price", "p"),
    "qty": ("quantity", "qty", "q", "amount", "size"),
    "first": ("first_trade_id", "first_id", "firstid", "f"),
    "last": ("last_trade_id", "last_id", "lastid", "l"),
    "time": ("transact_time", "time", "timestamp", "time_utc", "trade_time", "t"),
    "maker": ("is_buyer_maker", "buyer_is_maker", "buyer_maker", "isbuyermaker", "m"),
}
_FUTURES_HEADERS: Final = (
    {"agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker"},
    {"id", "price", "qty", "quote_qty", "time", "is_buyer_maker"},
)
_BULK_NAME: Final = re.compile(r"([A-Z0-9]{4,24}(?:_[A-Z0-9]+)?)-(?:aggTrades|trades|1s)-\d{4}-\d{2}")
_LEADING_TOKEN: Final = re.compile(r"[A-Za-z0-9]+")
_QUOTE_ASSETS: Final = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "BNB", "EUR", "TRY")


@frozen
class Layout:
    """Column numbers. ``first`` and ``last`` are -1 in files of single trades."""

    ident: int
    price: int
    qty: int
    first: int
    last: int
    time: int
    maker: int
    has_header: bool
    kind: MarketKind

    @property
    def aggregated(self) -> bool:
        """Whether a row stands for the trades ``first`` to ``last``."""
        return self.first >= 0 and self.last >= 0


def recognise(line: bytes) -> Layout | None:
    """The layout that the first line shows, or None if it is no such file."""
    cells = split_header(line)
    if cells[0][:1].isdigit():
        return _without_header(cells)
    places: dict[str, int] = {}
    for role, names in _ALIASES.items():
        found = [cells.index(name) for name in names if name in cells]
        if not found and role == "qty":
            found = [at for at, name in enumerate(cells) if name.startswith("quantity_")]
        if not found and role not in ("first", "last"):
            return None
        places[role] = found[0] if found else -1
    kind = MarketKind.USDM if set(cells) in _FUTURES_HEADERS else MarketKind.SPOT
    return Layout(**places, has_header=True, kind=kind)


def _without_header(cells: list[str]) -> Layout | None:
    flags = [at for at, cell in enumerate(cells) if cell in ("true", "false")]
    kind = MarketKind.SPOT if len(flags) == 2 else MarketKind.USDM
    if flags[:1] == [6] and len(cells) in (7, 8):
        return Layout(ident=0, price=1, qty=2, first=3, last=4, time=5, maker=6, has_header=False, kind=kind)
    if flags[:1] == [5] and len(cells) in (6, 7):
        return Layout(ident=0, price=1, qty=2, first=-1, last=-1, time=4, maker=5, has_header=False, kind=kind)
    return None


def symbol_of_file(path: Path, requested: tuple[str, ...]) -> str:
    """The symbol of a file that does not tell it inside.

    From a name like ``BTCUSDT-aggTrades-2025-10-10.zip`` or one whose leading word ends in a quote asset (``atomusdt_sweep.csv``),
    else the one requested symbol. Raises DataError when none of them settles it, UsageError when the name tells another symbol.
    """
    wanted = tuple(symbol.upper() for symbol in requested)
    bulk = _BULK_NAME.match(path.name)
    token = _LEADING_TOKEN.match(path.name)
    guess = bulk[1] if bulk else token[0].upper() if token else ""
    named = bulk is not None or any(guess.endswith(quote) and len(guess) > len(quote) for quote in _QUOTE_ASSETS)
    if named and bulk and "_" in guess:
        raise DataError(
            f"{path}: {guess} is a coin-margined contract: its quantity is not in base; only spot and USD-M can be read"
        )
    if named and (not wanted or guess in wanted):
        return guess
    if named:
        raise not_held(path, [guess], wanted)
    if len(wanted) == 1:
        return wanted[0]
    raise DataError(f"{path}: the file does not tell its symbol; pass --symbols with exactly one symbol, such as --symbols BTCUSDT")
