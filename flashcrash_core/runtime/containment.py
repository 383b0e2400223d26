"""Guards around scorer and strategy: a call that fails costs its answer, the third fault costs the plugin its place.

The panel guards indicators itself. What a quarantine means for the session is the session's business: without a scorer entries are
refused, and a session whose strategy is gone halts and leaves its positions by itself.
"""

from collections.abc import Callable, Sequence
from math import isnan, nan
from typing import Any, Final, Protocol

import msgspec

from flashcrash_core.detection.containment import OVERRUN, Fault, FaultCount, Misbehaviour, Oversight, explain, let_interrupt_pass
from flashcrash_core.detection.scoring import Score, ScoreContext, Scorer
from flashcrash_core.market.bars import Bar
from flashcrash_core.runtime.intents import checked_score, collect
from flashcrash_core.runtime.records import FaultRecord
from flashcrash_core.trading.positions import Position
from flashcrash_core.trading.strategy import Enter, Intent, Moment, Strategy
from flashcrash_core.trading.views import freeze_moment, frozen_position, thaw_moment

__all__ = ["Host", "ScorerGuard", "StrategyGuard", "fault_record"]

_EMPTY: Final = (tuple, list)


class Host(Protocol):
    """What a guard asks of the session."""

    seq: int
    """Number of the event that is being taken."""
    oversight: Oversight | None

    def on_fault(self, symbol: str, fault: Fault) -> None:
        """Journal a fault."""
        ...


def fault_record(seq: int, symbol: str, fault: Fault) -> FaultRecord:
    """A fault as it is journalled."""
    return FaultRecord(
        seq=seq,
        t_us=fault.t_us,
        symbol=symbol,
        stage=fault.stage,
        name=fault.name,
        call=fault.call,
        kind=fault.kind,
        message=fault.error,
        quarantined=fault.quarantined,
    )


class _Guard:
    """One guarded plugin. A fault is booked with the host; ``count`` says how many there were."""

    def __init__(self, stage: str, name: str, plugin: Any, host: Host) -> None:
        self.name = name
        self.count = FaultCount()
        self._stage = stage
        self._plugin = plugin
        self._host = host
        self._numbered: tuple[int, dict[str, int]] = (-1, {})

    def _call_name(self, call: str) -> str:
        """``score`` for the first such call in an event, ``score 2`` for the second: a journal must tell them apart."""
        if self._numbered[0] != self._host.seq:
            self._numbered = (self._host.seq, {})
        numbers = self._numbered[1]
        numbers[call] = number = numbers.get(call, 0) + 1
        return call if number == 1 else f"{call} {number}"

    def _ask(self, call: str, symbol: str, t_us: int, work: Callable[[], Any], *, timed: bool = True) -> tuple[Any, str]:
        """Do ``work``; ``(its result, "")``, or None (the late result of an overrun) and the kind of the fault."""
        name = self._call_name(call)
        oversight = self._host.oversight
        started_ns, excused_ns = (0, 0) if oversight is None else (oversight.start(), oversight.excused_ns)
        result: Any = None
        failure: BaseException | None = None
        try:
            result = work()
        except BaseException as error:
            let_interrupt_pass(error)
            failure = error
        if oversight is not None:
            late = oversight.late(started_ns, oversight.excused_ns - excused_ns) if timed else ""
            if self._stage == "scorer":
                oversight.excused_ns += oversight.start() - started_ns
            told = oversight.calls.get((symbol, self._host.seq, self._stage, name))
            if told is not None:
                failure = Misbehaviour(told.kind, told.message, told=True)
            elif failure is None and late:
                failure = Misbehaviour(OVERRUN, late)
        return result, "" if failure is None else self._book(name, symbol, t_us, failure)

    def _book(self, name: str, symbol: str, t_us: int, failure: BaseException) -> str:
        method = name.partition(" ")[0]
        kind, message = explain(failure, self._plugin, "decide" if method == "cancel" else method)  # decide gave the intent
        quarantined = self.count.add(kind, t_us)
        self._host.on_fault(symbol, Fault(self.name, t_us, message, quarantined, self._stage, kind, name))
        return kind


class ScorerGuard(_Guard):
    """The scorer of a session. A score that fails refuses the entry; ``refusal`` says why the newest one did, "" if it did not."""

    def __init__(self, scorer: Scorer, name: str, host: Host) -> None:
        super().__init__("scorer", name, scorer, host)
        self._scorer = scorer
        self.refusal = ""

    def score(self, context: ScoreContext, symbol: str) -> Score:
        """The score, checked and copied, or one that refuses the entry."""
        self.refusal = "scorer_quarantined" if self.count.quarantined else ""
        if not self.refusal:
            score, kind = self._ask("score", symbol, context.t_us, lambda: self._checked(context))
            if not kind:
                return score  # type: ignore[no-any-return]
            self.refusal = "scorer_fault"
        return Score(nan, {}, refusal=self.refusal)

    def _checked(self, context: ScoreContext) -> Score:
        score = checked_score(self._scorer.score(context))
        if isnan(score.total):
            raise Misbehaviour("not_finite", "Score.total is NaN; name what is missing in Score.missing instead")
        return score


class StrategyGuard(_Guard):
    """The strategy of one symbol. ``late`` says that the newest answer came too late for entries."""

    def __init__(self, strategy: Strategy, name: str, symbol: str, host: Host) -> None:
        super().__init__("strategy", name, strategy, host)
        self.strategy = strategy
        self.late = False
        self._symbol = symbol

    def on_bar(self, bar: Bar, t_us: int) -> None:
        """Every closed bar."""
        if not self.count.quarantined:
            self._ask("on_bar", self._symbol, t_us, lambda: self.strategy.on_bar(bar))

    def decide(self, moment: Moment) -> Sequence[Intent]:
        """The intents up to the first fault."""
        self.late = False
        if self.count.quarantined:
            return ()
        intents: list[Intent] = []
        if self._host.oversight is not None:
            _, kind = self._ask("decide", self._symbol, moment.now_us, lambda: self._collect(moment, intents))
            self.late = kind == OVERRUN
            return intents
        try:  # as _ask, without what only an overseen call needs: this one comes with every event
            self._collect(moment, intents)
        except BaseException as error:
            let_interrupt_pass(error)
            self._book("decide", self._symbol, moment.now_us, error)
        return intents

    def _collect(self, moment: Moment, intents: list[Intent]) -> None:
        freeze_moment(moment)
        try:
            positions = moment.positions
            answer = self.strategy.decide(moment)
            if type(answer) in _EMPTY and not answer:
                return
            collect(answer, positions, intents)
        finally:
            thaw_moment(moment)

    def accuse(self, call: str, t_us: int, message: str) -> None:
        """An intent turned out to be impossible when it was taken."""
        self._book(self._call_name(call), self._symbol, t_us, Misbehaviour("invalid_intent", message))

    def on_entered(self, position: Position, intent: Enter, t_us: int) -> None:
        """The kernel accepted an entry."""
        if not self.count.quarantined:
            view = frozen_position(position)
            self._ask("on_entered", self._symbol, t_us, lambda: self.strategy.on_entered(view, intent))

    def on_closed(self, position: Position, pnl_minor: int, t_us: int) -> None:
        """A position is flat."""
        if not self.count.quarantined:
            view = frozen_position(position)
            self._ask("on_closed", self._symbol, t_us, lambda: self.strategy.on_closed(view, pnl_minor))

    def snapshot(self, t_us: int) -> dict[str, Any] | None:
        """State as plain data; None when the strategy cannot give it, which is a fault."""
        state: bytes | None = None
        if not self.count.quarantined:
            state, kind = self._ask("snapshot", self._symbol, t_us, self._encoded, timed=False)
            if kind:
                return None
        return {"state": state, "faults": self.count.snapshot()}

    def _encoded(self) -> bytes:
        state = self.strategy.snapshot()
        if type(state) is not dict:
            raise Misbehaviour("wrong_type", "snapshot must return a dict of plain data")
        return msgspec.msgpack.encode(state)  # at once: what the strategy does with it later must not show

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave. What the strategy raises goes through: nobody may go on with half a state."""
        self.count.restore(data["faults"])
        if data["state"] is not None:
            self.strategy.restore(msgspec.msgpack.decode(data["state"]))
