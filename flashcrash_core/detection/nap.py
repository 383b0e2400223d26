"""What became of a sleeping detector over rows that it was not shown.

While nothing agrees, a row changes nothing that a decision could rest on but clocks and the newest values. Whoever has the readings
as columns can therefore tell a detector in one step what thousands of rows would have told it. It may do so for rows in which no
condition of leaving SLEEP held, and after which none of the detector's agreement clocks would run (:attr:`Detector.idle`).
"""

from collections.abc import Sequence

from attrs import frozen

from flashcrash_core.detection.panel import Pair

__all__ = ["FlagState", "Nap"]


@frozen
class FlagState:
    """One indicator at the end of the nap, and for how long it has been ready and fired since the session began."""

    value: float
    raw: bool
    fired: bool
    raw_since_us: int
    raw_until_us: int
    ready_us: int
    fired_us: int


@frozen
class Nap:
    """The rows after the detector's newest one up to ``t_us``. Rows follow each other by 100 ms."""

    t_us: int
    healthy_us: int
    """Time of the rows that were healthy."""
    unhealthy_us: int
    """Time of the unhealthy rows at its end, without a healthy one after them; those before the nap only if there was no other."""
    all_unhealthy: bool
    prices: Sequence[tuple[int, float]]
    """``(t_us, row-end price)`` of as many rows at its end as the drawdown looks back, or of all."""
    pairs: Sequence[Pair]
    """At its last row."""
    flags: Sequence[FlagState]
    spike_us: int | None
    """The last row in which a confirming indicator was fired, None if there was none."""
