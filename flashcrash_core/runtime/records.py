"""What a session leaves behind: one immutable record per fact, in the order of the arrival sequence.

Money is in minor units (1e-10 quote), prices in ticks, quantities in lots, times in exchange microseconds. ``seq`` is the arrival
sequence of the event during which the fact arose; with it a resumed session can tell what it already did.
"""

from typing import Any

import msgspec

__all__ = [
    "AuditRecord",
    "FaultRecord",
    "FillRecord",
    "IntentRecord",
    "NoticeRecord",
    "Record",
    "ScoreRecord",
    "SessionRecord",
    "SnapshotRecord",
    "TradeRecord",
    "TransitionRecord",
]


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``status`` is ``running``, ``done``, ``failed``, ``halted``, ``interrupted`` or ``crashed``.

    ``wall_*`` are the only wall-clock fields.
    """

    id: str
    mode: str
    status: str
    symbols: tuple[str, ...]
    profile: str
    data_tier: str
    version: str
    plugins: dict[str, str]
    """Plugin name to distribution and version."""
    config: dict[str, Any]
    """The effective configuration."""
    inputs: dict[str, Any]
    """Feed, tapes, seed: what ``run --resume`` needs to open the same input."""
    wall_started: str
    """ISO 8601, UTC."""
    wall_ended: str = ""
    equity_start_minor: int = 0
    decision_hash: str = ""
    summary: dict[str, Any] = {}


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the append-only records of a session."""

    seq: int
    t_us: int
    symbol: str


class IntentRecord(Record, frozen=True, kw_only=True):
    """A command, recorded and committed before its first byte is sent. ``kind`` is ``submit`` or ``cancel``."""

    kind: str
    client_id: str
    position_id: int
    side: int
    type: str
    price_ticks: int
    qty_lots: int
    reduce_only: bool
    stressed: bool
    reason: str
    stop_ticks: int = 0
    """Of a stop or take-profit order: the price that triggers it."""


class NoticeRecord(Record, frozen=True, kw_only=True):
    """The venue's word on an order, as applied; ``state`` is the order's state afterwards."""

    kind: str
    client_id: str
    state: str
    price_ticks: int
    qty_lots: int
    fee_minor: int
    maker: bool
    trade_id: int
    reason: str
    fee_lots: int = 0
    """Lots of a fill that the venue kept as its commission."""


class FillRecord(Record, frozen=True, kw_only=True):
    """One execution of ours; (client_id, trade_id) is unique in a session."""

    client_id: str
    position_id: int
    side: int
    price_ticks: int
    qty_lots: int
    notional_minor: int
    fee_minor: int
    """All of it; what the venue kept in lots is in it at the price of the fill."""
    maker: bool
    trade_id: int
    fee_lots: int = 0
    """Lots of it that the venue kept as its commission, and that were never held."""


class TradeRecord(Record, frozen=True, kw_only=True):
    """A closed round trip. Prices are average ticks."""

    position_id: int
    entry_us: int
    exit_us: int
    qty_lots: int
    entry_ticks: float
    exit_ticks: float
    fee_minor: int
    pnl_minor: int
    """Net of fees."""
    exit_reason: str
    score: float


class TransitionRecord(Record, frozen=True, kw_only=True):
    """A change of state with its evidence."""

    source: str
    target: str
    reason: str
    evidence: dict[str, Any]


class ScoreRecord(Record, frozen=True, kw_only=True):
    """A considered entry: its score and why it was refused ("" = entered)."""

    total: float
    """NaN when no score was asked for."""
    refused: str
    detail: str


class AuditRecord(Record, frozen=True, kw_only=True):
    """Something an operator must be able to find later: faults, halts, resumes, warnings."""

    kind: str
    message: str


class FaultRecord(Record, frozen=True, kw_only=True):
    """A contained fault of a plugin. A replay imposes it again, so that it decides as the session did."""

    stage: str
    """``indicator``, ``judge``, ``scorer``, ``strategy``, ``executor`` or ``feed``."""
    name: str
    """The indicator's instance name, else the plugin's name."""
    call: str
    """The method that failed, with its number in the event where it was called more than once (``score 2``); of an indicator
    ``step``, ``window`` or ``judge``."""
    kind: str
    """``raised``, ``wrong_type``, ``wrong_shape``, ``not_finite``, ``out_of_range``, ``invalid_intent``, ``overrun``,
    ``not_an_event``; ``operator``: quarantined at the operator's wish."""
    message: str
    quarantined: bool
    """This fault ended in quarantine."""


class SnapshotRecord(msgspec.Struct, frozen=True, kw_only=True):
    """State of all components after the event ``seq``; ``payload`` is msgpack of plain data."""

    seq: int
    t_us: int
    payload: bytes
