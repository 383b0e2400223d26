"""One order and the evidence about it, from whatever source and in whatever order it comes; out come notices for the kernel.

A reply, a user event, a query and a list of trades may each tell of the same step, twice, late, or not at all. Two rules make one
story of them: the executed quantity only grows, and the end of an order is told only once the trades that are known add up to what
the venue executed. So no fill can be lost behind a cancel, and none is counted twice.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from attrs import define, field

from flashcrash_binance.trading.commissions import charged
from flashcrash_binance.trading.venue_records import VenueFill, VenueOrder, VenueStatus
from flashcrash_core.api import Instrument, NoticeKind, SubmitOrder

__all__ = ["Tell", "TrackedOrder"]

Tell = Callable[..., None]
"""``tell(kind, client_id, venue_us, **fields)``: a notice."""

_ENDS: Final = {
    VenueStatus.CANCELED: NoticeKind.CANCELLED,
    VenueStatus.EXPIRED: NoticeKind.EXPIRED,
    VenueStatus.EXPIRED_IN_MATCH: NoticeKind.EXPIRED,
    VenueStatus.REJECTED: NoticeKind.REJECT,
}


@define(eq=False)
class TrackedOrder:
    """``base`` is the asset that is bought; ``sent_us`` when the request left, on the caller's clock."""

    submit: SubmitOrder
    instrument: Instrument
    base: str
    sent_us: int
    tell: Tell
    dust: dict[str, Decimal] = field(factory=dict)
    """By base asset, shared by all orders: what the account has beyond whole lots."""
    venue: VenueOrder | None = None
    fills: dict[int, VenueFill] = field(factory=dict)
    known_trades: frozenset[int] = frozenset()
    """Trades that were told before this process began."""
    known_lots: int = 0
    """Lots of them."""
    unknown_since_us: int | None = None
    """Since when nobody knows what became of it."""
    ask_us: int | None = None
    """When it is to be asked for next, None while there is no reason to."""
    trades_us: int | None = None
    """When its trades are to be asked for."""
    cancel_wanted: bool = False
    """It is to be cancelled, and is asked to be until it has ended."""
    ended: bool = False
    """Its end was told."""
    acknowledged: bool = False
    unpriced_fees: dict[str, Decimal] = field(factory=dict)
    """Commissions in assets that are neither base nor quote, by asset: not in any notice."""

    @property
    def client_id(self) -> str:
        """Its name."""
        return self.submit.client_id

    @property
    def filled_lots(self) -> int:
        """Lots of the trades that are known."""
        return self.known_lots + sum(one.qty_lots for one in self.fills.values())

    @property
    def missing_trades(self) -> bool:
        """The venue executed more than the trades that are known."""
        return self.venue is not None and self.venue.filled_lots > self.filled_lots

    # -- evidence ----------------------------------------------------------------------------------------------------

    def on_order(self, order: VenueOrder) -> None:
        """The venue's picture of the order."""
        known = self.venue
        if known is not None and (order.filled_lots < known.filled_lots or (known.status.final and not order.status.final)):
            return  # an older picture than the one that is known
        self.venue = order
        self.acknowledge(order.update_us)
        self._settle()

    def on_fill(self, fill: VenueFill) -> None:
        """One trade; told before: nothing."""
        if fill.trade_id in self.fills or fill.trade_id in self.known_trades:
            return
        self.fills[fill.trade_id] = fill
        self.acknowledge(fill.ts_us)  # first, or the kernel would go on taking its fate for unknown
        if fill.qty_lots:  # else a sliver below our grid; its lots come with the next one
            fee_minor, fee_lots = self._fees(fill)
            self.tell(
                NoticeKind.FILL,
                self.client_id,
                fill.ts_us,
                price_ticks=fill.price_ticks,
                qty_lots=fill.qty_lots,
                fee_minor=fee_minor,
                maker=fill.maker,
                trade_id=fill.trade_id,
                fee_lots=fee_lots,
            )
        self._settle()

    def acknowledge(self, venue_us: int) -> None:
        """It is at the venue."""
        if not self.acknowledged and not self.ended:
            self.acknowledged = True
            if self.venue is None or self.venue.status is not VenueStatus.REJECTED:
                self.tell(NoticeKind.ACK, self.client_id, venue_us)

    def reject(self, reason: str, venue_us: int) -> None:
        """It never was at the venue, and never will be."""
        self.ask_us = None
        if not self.ended and not self.acknowledged:
            self.ended = True
            self.tell(NoticeKind.REJECT, self.client_id, venue_us, reason=reason)

    def lose(self, reason: str, now_us: int) -> None:
        """Nobody knows whether it is at the venue. Known orders stay known: they are asked for all the same."""
        if self.ended:
            return
        self.ask_us = now_us
        if not self.acknowledged and self.unknown_since_us is None:
            self.unknown_since_us = now_us
            self.tell(NoticeKind.UNKNOWN, self.client_id, now_us, reason=reason)

    def _settle(self) -> None:
        venue = self.venue
        if self.filled_lots == self.submit.qty_lots:
            self.ended = True  # whatever the venue words it as: no more can fill
            self.ask_us = self.trades_us = None
        if venue is None or self.ended or not venue.status.final or self.missing_trades:
            return
        self.ended = True
        self.ask_us = self.trades_us = None
        kind = _ENDS.get(venue.status)
        if kind is not None:  # a filled order has told its end with its last fill
            if kind is NoticeKind.REJECT and self.acknowledged:
                kind = NoticeKind.EXPIRED  # it was there, and what was there cannot be refused any more
            reason = venue.expiry_reason.lower() or venue.status.value.lower()
            self.tell(kind, self.client_id, venue.update_us, reason=reason)

    def _fees(self, fill: VenueFill) -> tuple[int, int]:
        """Quote currency in minor units, and lots that are not held."""
        charge = charged(fill, self.instrument, self.base, dust=self.dust.get(self.base, Decimal(0)))
        self.dust[self.base] = charge.dust
        if charge.unpriced_asset:
            unpriced = self.unpriced_fees.get(charge.unpriced_asset, Decimal(0))
            self.unpriced_fees[charge.unpriced_asset] = unpriced + charge.unpriced
        return charge.fee_minor, charge.fee_lots
