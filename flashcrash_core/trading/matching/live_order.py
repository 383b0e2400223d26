"""An order as the simulated venue holds it, from its departure to its end."""

from enum import IntEnum
from typing import Any, Final

import msgspec
from attrs import define, fields

from flashcrash_core.trading.orders import SubmitOrder

__all__ = ["TAKER_WINDOW_US", "LiveOrder", "Phase"]

TAKER_WINDOW_US: Final = 250_000
"""A taker without a book is priced by the prints of this long after its arrival."""
NEVER_US: Final = 1 << 62


class Phase(IntEnum):
    """Where the order is."""

    FLIGHT = 0
    """On its way to the venue."""
    WINDOW = 1
    """A taker without a book: waits for the prints of the 250 ms after its arrival."""
    RESTING = 2


@define
class LiveOrder:
    """One order not yet ended. Times are event time in microseconds, quantities lots, prices ticks."""

    submit: SubmitOrder
    arrival_us: int
    phase: Phase = Phase.FLIGHT
    filled_lots: int = 0
    cancel_us: int | None = None
    """When a cancel takes effect, None without one."""
    cancel_stressed: bool = False

    notices: int = 0
    """Notices so far: each draws its own delay."""
    notice_us: int = 0
    """Delivery time of the newest notice: one order's notices arrive in order, as on one user stream."""
    evidence_us: int = 0
    """Unanswered orders: no proof of them is delivered before this time."""

    front_lots: int | None = 0
    """Queue ahead of us; None while there is no book to read it from."""
    shown_lots: int | None = None
    """Displayed quantity at our price when last looked at; None while the book is unusable."""
    traded_lots: int = 0
    """Traded at our price since the book last changed there: that part of a decrease is no cancel."""
    through_lots: int = 0
    """Volume printed strictly through our price (M1)."""
    maker_lots: int = 0
    """Filled while resting (M1 measures it against ``through_lots``)."""
    second: int = 0
    second_lots: int = 0
    """Filled in ``second`` (seconds of event time), for the own-impact cap."""

    fallback_ticks: int = 0
    """Taker without a book: price if nothing prints in the window."""
    first_ticks: int = 0
    worst_ticks: int = 0
    """First and worst print against us in the window; 0 before one."""

    @property
    def remaining_lots(self) -> int:
        """Lots still to fill."""
        return self.submit.qty_lots - self.filled_lots

    @property
    def next_us(self) -> int:
        """When time alone changes this order: its arrival, the end of its window, or its cancel."""
        if self.phase is Phase.FLIGHT:
            return self.arrival_us
        if self.phase is Phase.WINDOW:
            return self.arrival_us + TAKER_WINDOW_US
        return NEVER_US if self.cancel_us is None else self.cancel_us

    def counts(self, own_us: int) -> bool:
        """Whether a trade made at ``own_us`` can meet this order: after its arrival and before its cancel."""
        return own_us >= self.arrival_us and (self.cancel_us is None or own_us < self.cancel_us)

    def snapshot(self) -> list[Any]:
        """State as plain data."""
        return [msgspec.to_builtins(self.submit), *(getattr(self, name) for name in _PLAIN[:-1]), int(self.phase)]

    @classmethod
    def restored(cls, data: list[Any]) -> "LiveOrder":
        """Take back what :meth:`snapshot` gave."""
        submit, *plain, phase = data
        values = dict(zip(_PLAIN[:-1], plain, strict=True))
        return cls(submit=msgspec.convert(submit, SubmitOrder), phase=Phase(phase), **values)


# The phase goes last because it alone needs converting back.
_PLAIN: Final = (*(a.name for a in fields(LiveOrder) if a.name not in ("submit", "phase")), "phase")
