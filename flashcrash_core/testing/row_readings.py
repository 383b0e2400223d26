"""What every indicator said at every row of a session, kept while it runs."""

from typing import Any

from attrs import frozen

from flashcrash_core.detection.indicator import Floats, Reading
from flashcrash_core.market.features import FeatureRow
from flashcrash_core.runtime.lane import Lane

__all__ = ["ReadingLog", "RowReading"]


@frozen
class RowReading(Reading):
    """A :class:`~flashcrash_core.detection.indicator.Reading` with its row's time and the numbers that it was judged from."""

    t_us: int
    """End of the row, microseconds."""
    statistic: Floats
    baseline: Floats


class ReadingLog:
    """Watches one lane. The session knows nothing of it, and decides as it would without."""

    def __init__(self, lane: Lane) -> None:
        self.rows: list[FeatureRow] = []
        self._lane = lane
        self._kept: list[tuple[int, list[Reading], list[Any]]] = []
        self._names: tuple[str, ...] = tuple(entry.name for entry in lane.panel.entries)
        self._plugins = {entry.plugin: entry.name for entry in lane.panel.entries}
        self._then = lane._after_row
        # On the instance: rows are closed inside the lane, several in one event after a silence, and nobody else is told.
        lane._after_row = self._after_row  # type: ignore[method-assign]

    def _after_row(self, row: FeatureRow) -> None:
        lane = self._lane
        self.rows.append(row)
        if lane.row is row:  # not so while a lane that starts over only closes its bars
            self._kept.append((row.t_us, lane.readings(), list(lane.panel.pairs)))
        self._then(row)

    @property
    def names(self) -> tuple[str, ...]:
        """Indicator instances, in the order of the panel."""
        return self._names

    def of(self, name: str) -> list[RowReading] | None:
        """Every reading of an instance, or of the one instance that a plugin's indicator has; None for an unknown name."""
        if name not in self._names:
            name = self._plugins.get(name, "")
        if not name:
            return None
        index = self._names.index(name)
        return [
            RowReading(r.name, r.value, r.fired, r.ready, r.stale, r.reason, r.provenance, t_us, *pairs[index])
            for t_us, readings, pairs in self._kept
            for r in (readings[index],)
        ]
