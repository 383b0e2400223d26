"""Sessions and records to store: every class of record, with the values that are lost first when a backend is careless."""

from collections.abc import Iterator
from itertools import count
from math import nan
from typing import Any, Final, get_type_hints

import msgspec

from flashcrash_core.runtime import records as kinds
from flashcrash_core.runtime.records import AuditRecord, IntentRecord, Record, SessionRecord, TransitionRecord
from flashcrash_core.trading.orders import NoticeKind, OrderState, OrderType

__all__ = ["BATCH", "RECORD_KINDS", "batch", "difference", "extremes", "same", "session"]

RECORD_KINDS: Final[tuple[type[Record], ...]] = tuple(kind for kind in Record.__subclasses__() if kind.__module__ == kinds.__name__)
"""Every class of append-only record, also those that are younger than a store."""
BATCH: Final = (IntentRecord, TransitionRecord, AuditRecord)
"""The kinds of record in one :func:`batch`."""

_REASON: Final = "of the kit"
_INTEGERS: Final = (2**53 + 1, -1, 0, 2**62 + 1, -(2**53) - 1, 7)
_FLOATS: Final = (nan, 0.1, -1.5e300, 5e-324, 1e15 + 0.125, 0.0)
_TEXTS: Final = (
    "",
    "naïve ☃ 🚀",
    "two\nlines, a 'quote', a \"quote\" and \\",
    "long " * 1_000,
    "% _ ; -- NULL null nan",
    " blank ",
)
_DICTS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"deep": {"er": {"est": [1, 2.5, None, True, "ü", []]}}},
    {"large": 2**53 + 1, "": "empty name", "negative": -(2**60)},
    {"text": "☃ 🚀", "float": 0.1, "list": [[1], [2, [3]]]},
    {"false": False, "zero": 0, "none": None},
    {f"key {number}": number for number in range(50)},
)


def session(session_id: str = "20251010-211300-a1b2", **changes: Any) -> SessionRecord:
    """A running session."""
    fields: dict[str, Any] = {
        "id": session_id, "mode": "paper", "status": "running", "symbols": ("BTCUSDT", "POLUSDT"), "profile": "robust",
        "data_tier": "synthetic", "version": "0.1.0", "plugins": {"kit": "flashcrash 0.1.0"},
        "config": {"risk": {"max_positions": 3}}, "inputs": {"feed": "simulated", "seed": 7},
        "wall_started": "2025-10-10T21:13:00Z", "equity_start_minor": 10_000 * 10**10,
    }  # fmt: skip
    return SessionRecord(**(fields | changes))


def batch(number: int) -> list[Record]:
    """Three records of three kinds that belong together: all of them are stored, or none."""
    common: dict[str, Any] = {"seq": number, "t_us": 1_760_000_000_000_000 + number, "symbol": "BTCUSDT"}
    return [
        IntentRecord(
            **common, kind="submit", client_id=f"kit-{number}", position_id=number, side=1, type="LIMIT", price_ticks=100,
            qty_lots=1, reduce_only=False, stressed=False, reason=_REASON,
        ),
        TransitionRecord(**common, source="SLEEP", target="ALERT", reason=_REASON, evidence={"fired": ["spread"], "n": number}),
        AuditRecord(**common, kind="note", message=f"batch {number}"),
    ]  # fmt: skip


def extremes(kind: type[Record], numbers: Iterator[int] | None = None) -> list[Record]:
    """Records of that class with the edges of every type in turn; legal where a field has a vocabulary, ids unique."""
    numbers = numbers or count(1)
    hints = get_type_hints(kind)
    fields = [field.name for field in msgspec.structs.fields(kind)]
    made: list[Record] = []
    for turn in range(len(_INTEGERS)):
        number = next(numbers)
        values = {name: _value(name, hints[name], turn + index, number) for index, name in enumerate(fields)}
        values |= {name: wanted for name, wanted in _vocabulary(kind, turn).items() if name in values}
        made.append(kind(**values))
    return made


def _value(name: str, annotation: Any, turn: int, number: int) -> Any:
    if name == "seq":
        return number
    if name in ("client_id", "trade_id"):
        return f"kit ☃ {number}" if annotation is str else 2**53 + number
    if annotation is bool:
        return turn % 2 == 0
    values: tuple[Any, ...] = {int: _INTEGERS, float: _FLOATS, str: _TEXTS}.get(annotation, _DICTS)
    return values[turn % len(values)]


def _vocabulary(kind: type[Record], turn: int) -> dict[str, Any]:
    side = 1 if turn % 2 else -1
    if kind is IntentRecord:
        return {"kind": "submit" if turn % 3 else "cancel", "side": side, "type": list(OrderType)[turn % len(OrderType)].value}
    if kind is kinds.NoticeRecord:
        return {"kind": list(NoticeKind)[turn % len(NoticeKind)].value, "state": list(OrderState)[turn % len(OrderState)].value}
    return {"side": side}


def same(found: Any, wanted: Any) -> bool:
    """Equal in value and type all the way down; NaN is the same as NaN."""
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, msgspec.Struct):
        return all(same(getattr(found, name), getattr(wanted, name)) for name in wanted.__struct_fields__)
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list | tuple):
        return len(found) == len(wanted) and all(same(a, b) for a, b in zip(found, wanted, strict=True))
    if isinstance(wanted, float) and wanted != wanted:
        return bool(found != found)
    return bool(found == wanted)


def difference(found: Record, wanted: Record) -> str:
    """The first field that is not the same, for messages."""
    for name in wanted.__struct_fields__:
        was, now = getattr(wanted, name), getattr(found, name)
        if not same(now, was):
            return f"{name} was {was!r:.80} and came back as {now!r:.80} ({type(now).__name__})"
    return "nothing"
