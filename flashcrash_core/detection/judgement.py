"""From pairs to flags: frozen baselines, hysteresis, persistence and latches.

The detector owns this because it depends on the detector's state: on leaving SLEEP all baselines freeze at their last SLEEP
value, so that an event cannot raise its own threshold (reference/microstructure.md section 1).
"""

from math import isinf, isnan, nan
from typing import Any

from attrs import define

from flashcrash_core.detection.containment import Misbehaviour, Oversight, dispose, let_interrupt_pass, named
from flashcrash_core.detection.indicator import Floats
from flashcrash_core.detection.nap import Nap
from flashcrash_core.detection.panel import Pair, PanelEntry

__all__ = ["Judgement"]


@define
class _Flag:
    raw: bool = False
    fired: bool = False
    raw_since_us: int = -1
    raw_until_us: int = -1


_MISSING, _READY, _FIRED = range(3)


@define
class _Share:
    """How long an indicator was ready and fired, up to the row ``since_us`` in which it came to be what it is."""

    state: int = _MISSING
    since_us: int = 0
    ready_us: int = 0
    fired_us: int = 0

    def until(self, t_us: int) -> tuple[int, int]:
        spent_us = t_us - self.since_us
        return (
            self.ready_us + (spent_us if self.state != _MISSING else 0),
            self.fired_us + (spent_us if self.state == _FIRED else 0),
        )

    def become(self, state: int, t_us: int) -> None:
        self.ready_us, self.fired_us = self.until(t_us)
        self.state, self.since_us = state, t_us


class Judgement:
    """Values and flags of all indicators for the newest row.

    ``values[i]`` is NaN when indicator i is missing; ``fired[i]`` is the flag of section 1: on at trigger, off at release,
    latched where declared. ``faults`` collects judgements that failed: a plugin may raise anything, and its value is then missing.
    """

    def __init__(self, entries: tuple[PanelEntry, ...], *, freeze: bool) -> None:
        self.entries = entries
        self.oversight: Oversight | None = None
        self.symbol = ""
        self.values: list[float] = [nan] * len(entries)
        self.fired: list[bool] = [False] * len(entries)
        self.faults: list[tuple[int, BaseException]] = []
        """``(index, error)``; whoever reads them clears them."""
        self._freeze = freeze
        self._frozen: list[Floats] | None = None
        self._last_baselines: list[Floats] = [()] * len(entries)
        self._last_pairs: list[Pair | None] = [None] * len(entries)
        self._dirty = True  # judge everything again: baselines were frozen, thawed or restored
        self._flags = [_Flag() for _ in entries]
        self._shares = [_Share() for _ in entries]
        self._dropped: set[int] = set()
        self._t_us = 0
        self._changed = False
        self.shared = False
        """Several detectors hold it: a row is judged once for all of them. Who freezes or thaws takes a copy, see :meth:`apart`."""
        self.tally: tuple[int, int, bool] | None = None
        """What a detector counted over values and flags, kept for the next one; None once they may have changed."""
        by_name = {entry.name: index for index, entry in enumerate(entries)}
        self._plan = [
            (index, e.indicator.judge, e.indicator.levels, e.indicator.persist_us, e.indicator.latch_us,
             by_name.get(e.baseline_from, -1) if e.baseline_from else -1, self._flags[index])
            for index, e in enumerate(entries)
            if not e.inactive
        ]  # fmt: skip

    def drop(self, index: int) -> None:
        """Never judge indicator ``index`` again: it is quarantined. Its reading is missing from now on."""
        self._dropped.add(index)
        self._plan = [step for step in self._plan if step[0] != index]
        flag = self._flags[index]
        self.values[index] = nan
        self.fired[index] = flag.raw = flag.fired = False
        flag.raw_since_us = flag.raw_until_us = -1
        self._shares[index].become(_MISSING, self._t_us)
        self._dirty = True  # what is counted over all indicators has changed
        self.tally = None

    def shares(self, index: int, t_us: int) -> tuple[int, int]:
        """Microseconds up to the row ``t_us`` in which indicator ``index`` was ready, and in which it was fired."""
        return self._shares[index].until(t_us)

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
        if self.shared and t_us == self._t_us:
            return self._changed
        last, seen, dirty = self._last_baselines, self._last_pairs, self._dirty
        for index, pair in enumerate(pairs):
            last[index] = pair[1]
        frozen = self._frozen
        baselines = frozen if frozen is not None else last
        values, fired, shares = self.values, self.fired, self._shares
        self._t_us = t_us
        changed = dirty
        for index, judge, levels, persist_us, latch_us, source, flag in self._plan:
            pair = pairs[index]
            if pair == seen[index] and not (dirty or flag.raw or flag.fired) and (source < 0 or pairs[source] == seen[source]):
                continue
            changed = True
            try:
                if self.oversight is None:
                    answer = judge(pair[0], baselines[source] if source >= 0 else baselines[index], levels, flag.raw)
                else:
                    answer = self._overseen(index, t_us, pair[0], baselines[source if source >= 0 else index])
                if type(answer) is not tuple or len(answer) != 2:
                    raise _not_a_judgement(answer)
                value, raw = answer
                if type(value) is not float or type(raw) is not bool or isinf(value):
                    raise _not_a_judgement(answer)
            except BaseException as error:  # a plugin may raise anything
                let_interrupt_pass(error)
                if len(self.faults) < len(self.entries):  # those of a shadow detector are read by nobody
                    self.faults.append((index, error))
                value, raw = nan, False
            values[index] = value
            if isnan(value):
                flag.raw = flag.fired = fired[index] = False
                flag.raw_since_us = flag.raw_until_us = -1
                if shares[index].state != _MISSING:
                    shares[index].become(_MISSING, t_us)
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
            state = _FIRED if on else _READY
            if shares[index].state != state:
                shares[index].become(state, t_us)
        self._changed = changed
        if changed:
            seen[:] = pairs
            self._dirty = False
            self.tally = None
        return changed

    def apart(self) -> "Judgement":
        """Itself, or where several detectors hold it a copy for one of them, which may then be frozen or thawed."""
        if not self.shared:
            return self
        copy = Judgement(self.entries, freeze=self._freeze)
        copy.restore(self.snapshot())
        copy.oversight, copy.symbol, copy.faults, copy._changed = self.oversight, self.symbol, list(self.faults), self._changed
        return copy

    def sleep_through(self, nap: Nap) -> None:
        """Stand as after the rows of the nap, all of them judged against live baselines."""
        for index, (pair, now) in enumerate(zip(nap.pairs, nap.flags, strict=True)):
            self.values[index], self.fired[index] = now.value, now.fired
            flag, share = self._flags[index], self._shares[index]
            flag.raw, flag.fired, flag.raw_since_us, flag.raw_until_us = now.raw, now.fired, now.raw_since_us, now.raw_until_us
            share.ready_us, share.fired_us = now.ready_us, now.fired_us
            share.state, share.since_us = _MISSING if isnan(now.value) else _FIRED if now.fired else _READY, nap.t_us
            self._last_baselines[index] = pair[1]
        self._last_pairs[:] = nap.pairs
        self._t_us = nap.t_us
        self._dirty = False
        self.tally = None

    def flag(self, index: int) -> tuple[bool, bool, int, int]:
        """Of indicator ``index``: raw condition, flag, since and until when the raw condition held (us, -1: never)."""
        flag = self._flags[index]
        return flag.raw, flag.fired, flag.raw_since_us, flag.raw_until_us

    def _overseen(self, index: int, t_us: int, statistic: Floats, baseline: Floats) -> Any:
        """The judgement with a stopwatch, or with the faults that a journal imposes."""
        oversight, entry = self.oversight, self.entries[index]
        assert oversight is not None
        started_ns = oversight.start()
        answer: Any = None
        failure: BaseException | None = None
        try:
            answer = entry.indicator.judge(statistic, baseline, entry.indicator.levels, self._flags[index].raw)
        except BaseException as error:
            let_interrupt_pass(error)
            failure = error
        told = oversight.rows.get((self.symbol, t_us, "judge", entry.name))
        if told is not None:
            raise Misbehaviour(told.kind, told.message, told=True)
        if failure is not None:
            raise failure
        if late := oversight.late(started_ns):
            raise Misbehaviour("overrun", late)
        return answer

    def snapshot(self) -> dict[str, Any]:
        """State as plain data."""
        return {
            "values": list(self.values),
            "fired": list(self.fired),
            "frozen": self._frozen and [list(b) for b in self._frozen],
            "last": [list(b) for b in self._last_baselines],
            "flags": [[f.raw, f.fired, f.raw_since_us, f.raw_until_us] for f in self._flags],
            "shares": [[s.state, s.since_us, s.ready_us, s.fired_us] for s in self._shares],
            "dropped": sorted(self._dropped),
            "t_us": self._t_us,
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.values[:] = data["values"]
        self.fired[:] = data["fired"]
        self._frozen = None if data["frozen"] is None else [tuple(b) for b in data["frozen"]]
        self._last_baselines[:] = [tuple(b) for b in data["last"]]
        for flag, (raw, on, since, until) in zip(self._flags, data["flags"], strict=True):
            flag.raw, flag.fired, flag.raw_since_us, flag.raw_until_us = raw, on, since, until
        self._shares = [_Share(*share) for share in data["shares"]]
        self._t_us = data["t_us"]
        for index in data["dropped"]:
            self.drop(index)
        self._dirty = True


def _not_a_judgement(answer: Any) -> Misbehaviour:
    """What is wrong with the answer. Exact types only, as for readings."""
    dispose(answer)
    if type(answer) is not tuple or len(answer) != 2:
        return Misbehaviour("wrong_type", f"judge returned {named(answer)} instead of a value and a flag")
    value, raw = answer
    if type(value) is not float or type(raw) is not bool:
        return Misbehaviour("wrong_type", f"judge returned {named(value)} and {named(raw)} instead of a float and a bool")
    return Misbehaviour("not_finite", "judged value is not finite; return NaN for a missing one")
