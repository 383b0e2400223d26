"""One fill out of an answer or event, exact, with the lots of slivers counted once."""

from decimal import Decimal

from flashcrash_binance.trading.answer_shapes import FillShape
from flashcrash_binance.trading.exact_fields import Fields
from flashcrash_binance.trading.venue_records import VenueFill
from flashcrash_core.api import Instrument, Side

__all__ = ["fill_of"]


def fill_of(
    fields: Fields,
    wire: FillShape,
    instrument: Instrument,
    before: Decimal,
    *,
    side: Side,
    maker: bool,
    client_id: str,
    order_id: int,
    ts_us: int,
) -> tuple[VenueFill, Decimal]:
    """A fill and the order's executed quantity after it; ``before`` is that quantity before. Raises MalformedAnswer.

    Lots are counted from the cumulative quantity, so that two slivers of half a lot make one.
    """
    amount = fields.amount("qty", wire.qty)
    price, on_tick = fields.ticks("price", wire.price, instrument, side)
    if not amount or not price:
        fields.fail("qty and price of a fill", f"{wire.qty} at {wire.price}", "nothing traded")
    after = before + amount
    lots_before, _ = fields.lots("qty", f"{before:f}", instrument)
    lots_after, _ = fields.lots("qty", f"{after:f}", instrument)
    _, on_lot = fields.lots("qty", wire.qty, instrument)
    commission = fields.amount("commission", wire.commission)
    if commission and not wire.commission_asset:
        fields.fail("commissionAsset", wire.commission_asset, f"though the commission is {wire.commission}")
    fill = VenueFill(
        client_id=client_id,
        order_id=order_id,
        trade_id=wire.trade_id,
        price_ticks=price,
        qty_lots=lots_after - lots_before,
        commission=commission,
        commission_asset=wire.commission_asset or "",
        maker=maker,
        ts_us=ts_us,
        symbol=instrument.symbol,
        side=side,
        off_grid=not (on_tick and on_lot),
    )
    return fill, after
