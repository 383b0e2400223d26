"""The risk gate: what may go out. In the kernel, not pluggable, not bypassable.

Entries pass every check; exits are reduce-only and are stopped by nothing but arithmetic (no more lots than are held and not
already being sold). This is the small gate of the first version: rates, collars, breakers and exposure limits join in their own
issue.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from attrs import field, frozen, validators

from flashcrash_core.market.instruments import Instrument
from flashcrash_core.trading.blotter import Blotter
from flashcrash_core.trading.ledger import fee_minor
from flashcrash_core.trading.orders import STOP_TYPES, OrderType
from flashcrash_core.trading.strategy import Enter, Exit, Fees

__all__ = ["RiskConfig", "RiskGate"]


def _positive(_instance: object, _attribute: object, value: Decimal) -> None:
    if not value > 0:
        raise ValueError(f"must be positive; got {value}")


@frozen(kw_only=True)
class RiskConfig:
    """``[risk]``: the money at stake and the limits of the risk gate."""

    equity_start: Decimal = field(default=Decimal(10000), validator=_positive)
    """Quote currency at the start."""
    max_positions: int = field(default=3, validator=validators.ge(1))
    """Positions over all symbols, entries in flight included."""
    max_drawdown_pct: float = field(default=20.0, validator=[validators.gt(0), validators.le(100)])
    """Fall of equity from its peak, in percent, at which the session halts."""
    shutdown_policy: Literal["cancel_only", "flatten"] = "cancel_only"
    """On a shutdown: cancel entries and let exits go on, or sell what is held at once."""
    flatten_collar_bps: Decimal = field(default=Decimal(20), validator=[validators.ge(Decimal(0)), validators.le(Decimal(1000))])
    """How far below the best bid a flattening order may sell, basis points."""


class RiskGate:
    """Checks intents against the blotter."""

    def __init__(self, config: RiskConfig, blotter: Blotter, fees: Fees) -> None:
        self.config = config
        self._blotter = blotter
        self._fees = fees
        self._peak_minor = blotter.ledger.equity_start_minor

    def refuse_entry(
        self,
        intent: Enter,
        instrument: Instrument,
        blocked: str,
        *,
        reference_ticks: int,
        marks: Mapping[str, int] | None = None,
    ) -> str:
        """Why the entry may not go out, "" if it may.

        ``reference_ticks`` prices a market order, ``marks`` (ticks by symbol) those already on their way.
        """
        if blocked:
            return blocked
        if _malformed(intent):
            return "bad_order"
        if not (intent.price_ticks or reference_ticks):
            return "no_price"
        if len(self._blotter.positions) >= self.config.max_positions:
            return "max_positions"
        notional = instrument.notional(intent.price_ticks or reference_ticks, intent.qty_lots)
        if notional < instrument.min_notional_minor:
            return "min_notional"
        # Everything that may still be bought, each order paying the dearer fee: cash must not go below zero.
        spending = self._blotter.committed_minor(marks) + notional
        if spending + fee_minor(spending, max(self._fees.maker_bps, self._fees.taker_bps)) > self._blotter.ledger.cash_minor:
            return "cash"
        return ""

    def refuse_exit(self, intent: Exit) -> str:
        """Why the exit may not go out, "" if it may. Only arithmetic can stop it."""
        if _malformed(intent):
            return "bad_order"
        if intent.qty_lots > self._blotter.sellable_lots(intent.position_id):
            return "exceeds_position"
        return ""

    def breach(self, equity_minor: int) -> str:
        """The limit that the equity breaks, "" if none. Call with every new equity: it keeps the peak."""
        self._peak_minor = max(self._peak_minor, equity_minor)
        fall_pct = 100.0 * (self._peak_minor - equity_minor) / self._peak_minor if self._peak_minor > 0 else 0.0
        return "max_drawdown" if fall_pct > self.config.max_drawdown_pct else ""

    def snapshot(self) -> int:
        """State as plain data: the equity peak."""
        return self._peak_minor

    def restore(self, peak_minor: int) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._peak_minor = peak_minor


def _malformed(intent: Enter | Exit) -> bool:
    """No lots, or a price where none belongs; a limit order without a price would be an unbounded market order, and an intent has
    no stop price to give to an order that waits for one."""
    priced = intent.price_ticks > 0
    if intent.type in STOP_TYPES:
        return True
    return intent.qty_lots <= 0 or (intent.price_ticks != 0 if intent.type is OrderType.MARKET else not priced)
