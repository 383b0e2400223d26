"""What a session holds and owes according to its rows: positions, open orders, and the profit split into realised and unrealised.

A finished session's report knows what the positions could be sold for; the rows do not. Without a report the result of what is held
stays unknown and is never guessed. Positions are rebuilt from the fills with the same class that a run uses.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from flashcrash_core.errors import FlashcrashError, StorageError
from flashcrash_core.market.instruments import MONEY_SCALE, Instrument, money_to_decimal
from flashcrash_core.runtime.records import FillRecord, IntentRecord, NoticeRecord, SessionRecord, TradeRecord
from flashcrash_core.trading.orders import OPEN_STATES, OrderState
from flashcrash_core.trading.positions import Position

__all__ = [
    "Account",
    "HeldPosition",
    "OpenOrder",
    "account",
    "average_price",
    "instruments_of",
    "open_orders",
    "report_of",
    "short",
]

_STALE: Final = ("running", "crashed")
_OPEN: Final = frozenset(map(str, OPEN_STATES))
_CANCELLABLE: Final = _OPEN - {str(OrderState.UNKNOWN)}


def report_of(session: SessionRecord) -> dict[str, Any]:
    """The report of an ended session, else empty: one that was resumed and then killed still holds that of its first part."""
    return {} if session.status in _STALE else session.summary


@frozen(kw_only=True)
class HeldPosition:
    """A position that holds something. Money and prices in quote currency, None where they cannot be told."""

    position_id: int
    symbol: str
    opened_us: int
    """Event time of the first entry fill."""
    lots: int
    quantity: Decimal | None
    """In base currency; None when the session does not hold the symbol's lot size."""
    entry_price: Decimal | None
    """Average of the entry fills."""
    cost: Decimal
    """Paid for what is still held, without fees."""
    fees: Decimal
    """Paid on this position so far and not yet part of a closed trade."""
    part_sales: Decimal
    """What lots of it already sold made over their cost, without fees."""
    mark_price: Decimal | None
    """What it could be sold for at the end, according to the report."""
    worth: Decimal | None
    """Quantity at the mark."""


@frozen(kw_only=True)
class OpenOrder:
    """An order that may still trade, as far as the venue has proved."""

    client_id: str
    symbol: str
    side: str
    """``buy`` or ``sell``."""
    type: str
    state: str
    sent_us: int
    lots: int
    """What may still fill."""
    quantity: Decimal | None
    price: Decimal | None
    """None for a market order and without the symbol's tick size."""
    reason: str


@frozen(kw_only=True)
class Account:
    """The money of a session in quote currency; None: the mark of what is held is unknown."""

    pnl_realised: Decimal
    """Closed trades, after their fees."""
    pnl_unrealised: Decimal | None
    """The rest: what positions could be sold for, less their cost and the fees paid on them, plus what their part sales made."""
    pnl_net: Decimal | None
    """Both together; that of the report, where there is one."""
    equity_end: Decimal | None
    positions: tuple[HeldPosition, ...]
    orders: tuple[OpenOrder, ...]


def account(
    *,
    equity_start_minor: int,
    trades: Sequence[TradeRecord],
    fills: Sequence[FillRecord],
    intents: Sequence[IntentRecord],
    notices: Sequence[NoticeRecord],
    instruments: Mapping[str, Instrument],
    report: Mapping[str, Any],
) -> Account:
    """Positions, orders and profit from a session's rows; ``report`` is empty when the session left none."""
    realised = sum(trade.pnl_minor for trade in trades)
    books, units = _positions(fills)
    net: int | None = None if books else realised
    equity = None if net is None else equity_start_minor + net
    if report.get("pnl_net") is not None and report.get("equity_end") is not None:
        net, equity = _minor(report["pnl_net"]), _minor(report["equity_end"])
    marks = _marks(report)
    # A late fill may reopen a position after its trade was closed: what that trade counted is not counted again.
    fees: Counter[int] = Counter()
    sold: Counter[int] = Counter()
    for trade in trades:
        fees[trade.position_id] += trade.fee_minor
        sold[trade.position_id] += trade.pnl_minor + trade.fee_minor
    return Account(
        pnl_realised=money_to_decimal(realised),
        pnl_unrealised=None if net is None else money_to_decimal(net - realised),
        pnl_net=None if net is None else money_to_decimal(net),
        equity_end=None if equity is None else money_to_decimal(equity),
        positions=tuple(
            _held(one, units[one.symbol], marks.get(one.symbol), (fees[one.id], sold[one.id]), instruments.get(one.symbol))
            for one in books
        ),
        orders=open_orders(intents, notices, instruments),
    )


def _positions(fills: Sequence[FillRecord]) -> tuple[list[Position], dict[str, int]]:
    """Positions that hold lots, and the minor units of a tick times a lot by symbol. Raises InvariantError for impossible rows."""
    books: dict[int, Position] = {}
    units: dict[str, int] = {}
    for fill in fills:
        book = books.setdefault(fill.position_id, Position(fill.position_id, fill.symbol, fill.client_id))
        if amount := fill.price_ticks * fill.qty_lots:
            units[fill.symbol] = fill.notional_minor // amount
        if fill.side > 0:
            book.buy(fill.price_ticks, fill.qty_lots - fill.fee_lots, fill.fee_minor, fill.t_us)
        else:
            book.sell(fill.price_ticks, fill.qty_lots, fill.fee_minor, fill.t_us, "")
    return [book for book in books.values() if book.held_lots], units


def _marks(report: Mapping[str, Any]) -> dict[str, Decimal]:
    """What one unit of each held symbol could be sold for at the end; none of a symbol without a bid."""
    held = report.get("positions", ())
    return {str(one["symbol"]): short(Decimal(str(one["mark"]))) for one in held if one.get("mark")}


def _held(book: Position, unit: int, mark: Decimal | None, counted: tuple[int, int], instrument: Instrument | None) -> HeldPosition:
    """``counted``: fees and gross result in minor units that closed trades of the same position hold already."""
    quantity = None if instrument is None else short(instrument.quantity(book.held_lots))
    return HeldPosition(
        position_id=book.id,
        symbol=book.symbol,
        opened_us=book.opened_us,
        lots=book.held_lots,
        quantity=quantity,
        entry_price=None if instrument is None else average_price(book.entry_ticks, instrument),
        cost=money_to_decimal(book.cost_held * unit),
        fees=money_to_decimal(book.fee_minor - counted[0]),
        part_sales=money_to_decimal((book.sold_units - book.cost_of_sold) * unit - counted[1]),
        mark_price=mark,
        worth=None if mark is None or quantity is None else short(quantity * mark),
    )


def open_orders(
    intents: Sequence[IntentRecord], notices: Sequence[NoticeRecord], instruments: Mapping[str, Instrument]
) -> tuple[OpenOrder, ...]:
    """Orders whose end the venue has not proved, in the order in which they were sent."""
    sent: dict[str, IntentRecord] = {}
    states: dict[str, str] = {}
    filled: dict[str, int] = {}
    # Within one event the notice came first, and what the session did about it second.
    rows: list[NoticeRecord | IntentRecord] = [*notices, *intents]
    for row in sorted(rows, key=lambda row: row.seq):
        if isinstance(row, NoticeRecord):
            states[row.client_id] = row.state
            if row.kind == "FILL":
                filled[row.client_id] = filled.get(row.client_id, 0) + row.qty_lots
        elif row.kind == "submit":
            sent[row.client_id], states[row.client_id] = row, str(OrderState.SENT)
        elif states.get(row.client_id, "") in _CANCELLABLE:
            states[row.client_id] = str(OrderState.CANCELLING)
    return tuple(
        _order(intent, states[name], intent.qty_lots - filled.get(name, 0), instruments.get(intent.symbol))
        for name, intent in sent.items()
        if states[name] in _OPEN
    )


def _order(intent: IntentRecord, state: str, lots: int, instrument: Instrument | None) -> OpenOrder:
    return OpenOrder(
        client_id=intent.client_id,
        symbol=intent.symbol,
        side="buy" if intent.side > 0 else "sell",
        type=intent.type,
        state=state,
        sent_us=intent.t_us,
        lots=lots,
        quantity=None if instrument is None else short(instrument.quantity(lots)),
        price=None if instrument is None or not intent.price_ticks else short(instrument.price(intent.price_ticks)),
        reason=intent.reason,
    )


def instruments_of(session: SessionRecord) -> dict[str, Instrument]:
    """The instruments that a session traded, from its record.

    They are looked for in ``inputs["instruments"]`` (what the run resolved, inferred grids included) and then in
    ``config["instruments"]``. A symbol that has no tick and lot size in
    either is left out.
    """
    found: dict[str, Instrument] = {}
    for source in (session.inputs, session.config):
        table = source.get("instruments")
        if not isinstance(table, Mapping):
            continue
        for symbol in session.symbols:
            entry = table.get(symbol)
            # A configured table may hold one of the two and take the other from what is shipped; it alone gives no prices.
            if symbol not in found and isinstance(entry, Mapping) and entry.get("tick_size") and entry.get("lot_size"):
                found[symbol] = _instrument(session.id, symbol, entry)
    return found


def _instrument(session_id: str, symbol: str, entry: Mapping[str, Any]) -> Instrument:
    known = ("tick_size", "lot_size", "min_notional", "quote_asset", "kind", "inferred")
    fields: dict[str, Any] = {name: entry[name] for name in known if entry.get(name) is not None}
    try:
        # A float's shortest text is the decimal that was meant: Decimal(0.01) itself is not 0.01.
        fields |= {name: Decimal(str(fields[name])) for name in ("tick_size", "lot_size", "min_notional") if name in fields}
        return Instrument(symbol=symbol, **fields)
    except (TypeError, ValueError, ArithmeticError, FlashcrashError) as error:
        raise StorageError(
            f"session {session_id}: the recorded instrument {symbol} cannot be used ({error}); was the session row edited by hand?"
        ) from error


def average_price(ticks: float, instrument: Instrument) -> Decimal:
    """Price of an average in ticks. It lies between two ticks; four more digits are enough to read, as in the run's report."""
    return short((Decimal(repr(ticks)) * instrument.tick_size).quantize(instrument.tick_size / 10_000))


def short(value: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent: 100.50 is 100.5 and 1E+2 is 100."""
    value = value.normalize()
    return value if int(value.as_tuple().exponent) <= 0 else value.quantize(Decimal(1))


def _minor(amount: Decimal | float) -> int:
    """Quote currency of a report in minor units; it is a float once stored, whose shortest text is the number that was meant."""
    return round(Decimal(str(amount)) * MONEY_SCALE)
