"""The account: what is free and what is locked of each asset, and what trades did to it. Amounts are atoms (:mod:`.amounts`)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import define, field, frozen

from flashcrash_binance.exchange.trading.amounts import CENT
from flashcrash_binance.exchange.trading.orders import Lock, TradeRecord
from flashcrash_core.api import InvariantError, Side

__all__ = ["Account", "CommissionRates"]

_PPM: Final = 1_000_000


@frozen
class CommissionRates:
    """Parts per million of what is received."""

    maker_ppm: int = 1_000
    taker_ppm: int = 1_000
    bnb_discount_ppm: int = 250_000
    """Off the commission when it is paid in BNB."""


@define(eq=False)
class Account:
    """One spot account. ``burn_bnb``: commissions in BNB as long as there are enough of them and ``bnb_price`` is known."""

    start: Mapping[str, int]
    rates: CommissionRates = field(factory=CommissionRates)
    burn_bnb: bool = False
    bnb_price: int = 0
    """Atoms of quote for one whole BNB; 0: not known."""
    free: defaultdict[str, int] = field(init=False)
    locked: defaultdict[str, int] = field(init=False)
    touched: set[str] = field(factory=set)
    """Assets changed since they were last told."""
    updated_us: int = 0

    def __attrs_post_init__(self) -> None:
        self.free = defaultdict(int, self.start)
        self.locked = defaultdict(int)

    def lock(self, asset: str, amount: int) -> Lock | None:
        """Set aside for an order; None if there is not enough."""
        if amount > self.free[asset]:
            return None
        self.free[asset] -= amount
        self.locked[asset] += amount
        self.touched.add(asset)
        return Lock(asset, amount)

    def unlock(self, lock: Lock, keep: int = 0) -> None:
        """Free what is locked beyond ``keep``."""
        freed = lock.amount - keep
        if freed > 0:
            lock.amount -= freed
            self.locked[lock.asset] -= freed
            self.free[lock.asset] += freed
            self.touched.add(lock.asset)

    def pay(self, asset: str, amount: int, lock: Lock | None) -> None:
        """Pay for a fill, from what was locked for it first."""
        part = min(amount, lock.amount) if lock is not None else 0
        if lock is not None:
            lock.amount -= part
            self.locked[asset] -= part
        self.free[asset] -= amount - part
        self.touched.add(asset)
        if self.free[asset] < 0:
            raise InvariantError(f"local exchange: {asset} is overdrawn by {-self.free[asset]} atoms; an order was not covered")

    def receive(self, asset: str, amount: int, quote_atoms: int, *, maker: bool) -> tuple[int, str]:
        """Take in what a fill brings, less the commission; returns ``(atoms, asset)`` of the commission."""
        rate = self.rates.maker_ppm if maker else self.rates.taker_ppm
        self.touched.add(asset)
        if self.burn_bnb and self.bnb_price:
            less = rate * (_PPM - self.rates.bnb_discount_ppm) // _PPM
            due = quote_atoms * less // _PPM * 10**16 // self.bnb_price // CENT * CENT
            if due <= self.free["BNB"]:
                self.free["BNB"] -= due
                self.free[asset] += amount
                self.touched.add("BNB")
                return due, "BNB"
        due = amount * rate // _PPM // CENT * CENT
        self.free[asset] += amount - due
        return due, asset

    def transfer(self, asset: str, delta: int) -> None:
        """A deposit or withdrawal. The start moves with it, so that :meth:`check` holds."""
        self.start = dict(self.start) | {asset: self.start.get(asset, 0) + delta}
        self.free[asset] += delta
        self.touched.add(asset)

    def check(self, trades: Iterable[TradeRecord], locks: Iterable[Lock], assets_of: Mapping[str, tuple[str, str]]) -> None:
        """Raise InvariantError unless all that is held is the start plus the trades, and all that is locked is in a lock."""
        expected: defaultdict[str, int] = defaultdict(int, self.start)
        for one in trades:
            base, quote = assets_of[one.symbol]
            sign = 1 if one.side is Side.BUY else -1
            expected[base] += sign * one.base_atoms
            expected[quote] -= sign * one.quote_atoms
            expected[one.commission_asset] -= one.commission
        locked: defaultdict[str, int] = defaultdict(int)
        for lock in {id(one): one for one in locks}.values():
            locked[lock.asset] += lock.amount
        for asset in {*expected, *self.free, *self.locked}:
            held = self.free[asset] + self.locked[asset]
            if held != expected[asset] or self.locked[asset] != locked[asset] or min(self.free[asset], self.locked[asset]) < 0:
                raise InvariantError(
                    f"local exchange: {asset} holds {held} atoms ({self.locked[asset]} locked), "
                    f"the trades make it {expected[asset]} and the open orders {locked[asset]}"
                )
