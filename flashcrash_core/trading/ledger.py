"""The ledger: cash and fees in integer minor units, and the three identities that every run must satisfy.

reference/microstructure.md section 5.5:

1. the sum of fees equals the sum over fills of notional times rate (rounding up to a minor unit per fill, nothing else);
2. equity at the end = equity at the start + realised - fees + unrealised;
3. a position equals the sum of its signed fills.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from flashcrash_core.errors import InvariantError
from flashcrash_core.market.events import Side
from flashcrash_core.market.instruments import Instrument, money_to_decimal
from flashcrash_core.trading.positions import Position
from flashcrash_core.trading.strategy import Fees

__all__ = ["Ledger", "fee_minor"]

_BPS = Decimal(10_000)


def fee_minor(notional_minor: int, rate_bps: Decimal) -> int:
    """Commission in minor units, rounded up: against us."""
    return int((notional_minor * rate_bps / _BPS).to_integral_value(ROUND_CEILING))


class Ledger:
    """Cash account of one session. ``cash_minor`` is what is left after buying, selling and fees.

    ``venue_fees``: fees are what a real venue charged (discounts, other assets, its own rounding), so no rate can be asked of them.
    """

    def __init__(self, equity_start_minor: int, fees: Fees, *, venue_fees: bool = False) -> None:
        self.equity_start_minor = equity_start_minor
        self.cash_minor = equity_start_minor
        self.fees_minor = 0
        self.realised_minor = 0
        """Gross of fees."""
        self.fills = 0
        self._fees = fees
        self._venue_fees = venue_fees
        self._expected_fees = 0
        self._signed_lots: dict[int, int] = {}

    def on_fill(self, side: Side, position_id: int, notional_minor: int, qty_lots: int, fee: int, *, maker: bool) -> None:
        """Book one execution. Raises :class:`InvariantError` when the fee is not the rate's (identity 1)."""
        if fee < 0:
            raise InvariantError(f"ledger: the executor tells of a fee of {money_to_decimal(fee)}")
        rate_bps = self._fees.maker_bps if maker else self._fees.taker_bps
        expected = fee if self._venue_fees else fee_minor(notional_minor, rate_bps)
        if fee != expected:
            raise InvariantError(
                f"ledger: the executor charged {money_to_decimal(fee)} on a notional of {money_to_decimal(notional_minor)}, "
                f"the configured {'maker' if maker else 'taker'} rate asks for {money_to_decimal(expected)}"
            )
        self.fills += 1
        self.cash_minor -= side * notional_minor + fee
        self.fees_minor += fee
        self._expected_fees += expected
        self._signed_lots[position_id] = self._signed_lots.get(position_id, 0) + side * qty_lots

    def realise(self, proceeds_minor: int, cost_minor: int) -> None:
        """Book the gross result of lots sold."""
        self.realised_minor += proceeds_minor - cost_minor

    def forget(self, position_id: int) -> None:
        """A closed position leaves the ledger; its signed fills must sum to zero."""
        if self._signed_lots.pop(position_id, 0) != 0:
            raise InvariantError(f"ledger: position {position_id} was closed while its fills do not sum to zero")

    def equity_minor(self, positions: Iterable[Position], marks: Mapping[str, int], instruments: Mapping[str, Instrument]) -> int:
        """Cash plus holdings at ``marks`` (ticks by symbol; cost where no mark is known)."""
        return self.cash_minor + sum(_value(p, marks, instruments) for p in positions)

    def check(self, positions: Iterable[Position], marks: Mapping[str, int], instruments: Mapping[str, Instrument]) -> None:
        """Assert the three identities; raises :class:`InvariantError`."""
        held = list(positions)
        if self.fees_minor != self._expected_fees:
            raise InvariantError(f"ledger: fees {self.fees_minor} differ from the sum of notional times rate {self._expected_fees}")
        unrealised = sum(_value(p, marks, instruments) - p.cost_held * instruments[p.symbol].notional_unit for p in held)
        equity = self.equity_minor(held, marks, instruments)
        identity = self.equity_start_minor + self.realised_minor - self.fees_minor + unrealised
        if equity != identity:
            raise InvariantError(
                f"ledger: equity {money_to_decimal(equity)} differs from "
                f"start + realised - fees + unrealised {money_to_decimal(identity)}"
            )
        for position in held:
            if position.held_lots != self._signed_lots.get(position.id, 0):
                raise InvariantError(f"ledger: position {position.id} holds {position.held_lots} lots, its fills say otherwise")

    def snapshot(self) -> list[Any]:
        """State as plain data, for equality checks on resume."""
        return [self.cash_minor, self.fees_minor, self.realised_minor, self.fills, sorted(self._signed_lots.items())]


def _value(position: Position, marks: Mapping[str, int], instruments: Mapping[str, Instrument]) -> int:
    mark = marks.get(position.symbol, 0)
    instrument = instruments[position.symbol]
    if not mark:
        return position.cost_held * instrument.notional_unit
    return instrument.notional(mark, position.held_lots)
