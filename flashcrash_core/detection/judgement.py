"""From pairs to flags: frozen baselines, hysteresis, persistence and latches.

The detector owns this because it depends on the detector's state: on leaving SLEEP all baselines freeze at their last SLEEP
value, so that an event cannot raise its own threshold (reference/microstructure.md section 1).
"""

from math import isinf, isnan, nan
from typing import Any

from attrs import define

from flashcrash_core.detection.indicator import Floats
from flashcrash_core.detection.panel import Pair, PanelEntry

__all__ = ["Judgement"]


@define
class _Flag:
    raw: bool = False
    fired: bool = False
    raw_since_us: int = -1
    raw_until_us: int = -1


class Judgement:
    """Values and flags of all indicators for the newest row.

    ``values[i]`` is NaN when indicator i is missing; ``fired[i]`` is the flag of section 1: on at trigger, off at release,
    latched where declared. ``faults`` collects judgements that failed: a plugin may raise anything, and its value is then missing.
    """

    def __init__(self, entries: tuple[PanelEntry, ...], *, freeze: bool) -> None:
        self.entries = entries
        self.values: list[float] = [nan] * len(entries)
        self.fired: list[bool] = [False] * len(entries)
        self.faults: list[tuple[int, Exception]] = []
        """``(index, error)``; whoever reads them clears them."""
        self._freeze = freeze
        self._frozen: list[Floats] | None = None
        self._last_baselines: list[Floats] = [()] * len(entries)
        self._last_pairs: list[Pair | None] = [None] * len(entries)
        self._dirty = True  # judge everything again: baselines were frozen, thawed or restored
        self._flags = [_Flag() for _ in entries]
        by_name = {entry.name: index for index, entry in enumerate(entries)}
        self._plan = [
            (index, e.indicator.judge, e.indicator.levels, e.indicator.persist_us, e.indicator.latch_us,
             by_name.get(e.baseline_from, -1) if e.baseline_from else -1, self._flags[index])
            for index, e in enumerate(entries)
            if not e.inactive
        ]  # fmt: skip

    def freeze(self) -> None:
        """Hold the baselines of the last row until :meth:`thaw`."""
        if self._freeze:
            self._frozen = list(self._last_baselines)
            self._dirty = True

    def thaw(self) -> None:
        """Follow the market again."""
        self._frozen = None
        self._dirty = True

    @property
    def frozen(self) -> bool:
        """Whether baselines are held."""
        return self._frozen is not None

    def baseline(self, index: int) -> Floats:
        """The baseline that indicator ``index`` is judged against right now."""
        return self._frozen[index] if self._frozen is not None else self._last_baselines[index]

    def on_row(self, t_us: int, pairs: list[Pair]) -> bool:
        """Judge every pair; returns whether any value or flag may have changed.

        In most rows most pairs equal those of the row before: a pair that did not change, whose flag is off and owes nothing to
        time, needs no second judgement.
        """
        last, seen, dirty = self._last_baselines, self._last_pairs, self._dirty
        for index, pair in enumerate(pairs):
            last[index] = pair[1]
        frozen = self._frozen
        baselines = frozen if frozen is not None else last
        values, fired = self.values, self.fired
        changed = False
        for index, judge, levels, persist_us, latch_us, source, flag in self._plan:
            pair = pairs[index]
            if pair == seen[index] and not (dirty or flag.raw or flag.fired) and (source < 0 or pairs[source] == seen[source]):
                continue
            changed = True
            try:
                value, raw = judge(pair[0], baselines[source] if source >= 0 else baselines[index], levels, flag.raw)
                if isinf(value):
                    raise ValueError("judged value is not finite")
            except Exception as error:
                self.faults.append((index, error))
                value, raw = nan, False
            values[index] = value
            if isnan(value):
                flag.raw = flag.fired = fired[index] = False
                flag.raw_since_us = flag.raw_until_us = -1
                continue
            if raw:
                if not flag.raw:
                    flag.raw_since_us = t_us
                flag.raw_until_us = t_us
                on = t_us - flag.raw_since_us >= persist_us
            else:
                on = flag.fired and latch_us > 0 and t_us - flag.raw_until_us <= latch_us
            flag.raw = raw
            flag.fired = fired[index] = on
        if changed:
            seen[:] = pairs
            self._dirty = False
        return changed

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return {
            "values": list(self.values),
            "fired": list(self.fired),
            "frozen": self._frozen and [list(b) for b in self._frozen],
            "last": [list(b) for b in self._last_baselines],
            "flags": [[f.raw, f.fired, f.raw_since_us, f.raw_until_us] for f in self._flags],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.values[:] = data["values"]
        self.fired[:] = data["fired"]
        self._frozen = None if data["frozen"] is None else [tuple(b) for b in data["frozen"]]
        self._last_baselines[:] = [tuple(b) for b in data["last"]]
        for flag, (raw, on, since, until) in zip(self._flags, data["flags"], strict=True):
            flag.raw, flag.fired, flag.raw_since_us, flag.raw_until_us = raw, on, since, until
        self._dirty = True
