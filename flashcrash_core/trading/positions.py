"""Positions: what was bought, what of it was sold, and at what cost, in integers.

One position per entry order, long only (the system buys crashes). Quantities are lots, amounts tick x lot; a position is derived
from its fills and never stored alone.
"""

from attrs import define, frozen

from flashcrash_core.errors import InvariantError

__all__ = ["Position", "RoundTrip"]


@frozen
class RoundTrip:
    """What a position did between two moments of being flat. Amounts in tick x lot, prices as average ticks."""

    qty_lots: int
    entry_ticks: float
    exit_ticks: float
    gross_units: int
    fee_minor: int


@define
class Position:
    """A long position, born with its entry order and closed when flat with no order left."""

    id: int
    symbol: str
    entry_client_id: str
    bought_lots: int = 0
    bought_units: int = 0
    sold_lots: int = 0
    sold_units: int = 0
    fee_minor: int = 0
    opened_us: int = 0
    """Event time of the first entry fill as noticed; 0 before."""
    closed_us: int = 0
    exit_reason: str = ""
    """Reason of the last exit order that filled."""

    @property
    def held_lots(self) -> int:
        """Lots held now."""
        return self.bought_lots - self.sold_lots

    @property
    def entry_ticks(self) -> float:
        """Average entry price in ticks."""
        return self.bought_units / self.bought_lots if self.bought_lots else 0.0

    @property
    def exit_ticks(self) -> float:
        """Average exit price in ticks."""
        return self.sold_units / self.sold_lots if self.sold_lots else 0.0

    def buy(self, price_ticks: int, qty_lots: int, fee_minor: int, at_us: int) -> None:
        """Book an entry fill: the lots that are held after it, and all that was charged."""
        if not self.bought_lots:
            self.opened_us = at_us
        self.bought_lots += qty_lots
        self.bought_units += price_ticks * qty_lots
        self.fee_minor += fee_minor

    def sell(self, price_ticks: int, qty_lots: int, fee_minor: int, at_us: int, reason: str) -> int:
        """Book an exit fill; returns the cost in tick x lot, rounded, of the lots sold (average cost)."""
        if qty_lots > self.held_lots:
            raise InvariantError(f"position {self.id} ({self.symbol}): sold {qty_lots} lots of {self.held_lots} held")
        # Average cost in integers; the last lots take what is left, so that no unit is lost to rounding.
        held_units = self.bought_units - self.cost_of_sold
        cost = held_units if qty_lots == self.held_lots else held_units * qty_lots // self.held_lots
        self.cost_of_sold += cost
        self.sold_lots += qty_lots
        self.sold_units += price_ticks * qty_lots
        self.fee_minor += fee_minor
        self.exit_reason = reason
        self.closed_us = at_us
        return cost

    cost_of_sold: int = 0
    """Cost in tick x lot of the lots already sold."""

    _settled_lots: int = 0
    _settled_bought_units: int = 0
    _settled_sold_units: int = 0
    _settled_fee_minor: int = 0

    def settle(self) -> RoundTrip:
        """Close the books of a flat position: what happened since the last time (a late fill may reopen and close it again)."""
        if self.held_lots:
            raise InvariantError(f"position {self.id} ({self.symbol}): settled while it holds {self.held_lots} lots")
        lots = self.bought_lots - self._settled_lots
        bought, sold = self.bought_units - self._settled_bought_units, self.sold_units - self._settled_sold_units
        fee = self.fee_minor - self._settled_fee_minor
        self._settled_lots, self._settled_fee_minor = self.bought_lots, self.fee_minor
        self._settled_bought_units, self._settled_sold_units = self.bought_units, self.sold_units
        return RoundTrip(lots, bought / lots if lots else 0.0, sold / lots if lots else 0.0, sold - bought, fee)

    @property
    def cost_held(self) -> int:
        """Cost in tick x lot of the lots still held."""
        return self.bought_units - self.cost_of_sold
