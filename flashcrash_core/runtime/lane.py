"""A lane: everything of one symbol from event to decision input. Watermark, grid and detector are per symbol.

A lane turns events into rows, rows into readings and states, and keeps what scorer and strategy will ask about. It sends nothing:
the session asks the strategy and owns orders and money.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from math import isnan
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from flashcrash_core.detection.containment import Oversight
from flashcrash_core.detection.detector import Detector, Transition
from flashcrash_core.detection.episodes import EpisodeLog
from flashcrash_core.detection.hold_sweep import HoldSweep
from flashcrash_core.detection.indicator import Reading, Role
from flashcrash_core.detection.nap import Nap
from flashcrash_core.detection.panel import Panel, PanelEntry
from flashcrash_core.detection.scoring import JudgedRow, Score, ScoreContext, Scorer
from flashcrash_core.detection.settings import DetectorConfig, State
from flashcrash_core.market.accumulator import FeatureAccumulator
from flashcrash_core.market.bars import Bar
from flashcrash_core.market.events import MarketEvent
from flashcrash_core.market.features import GRID_US, FeatureRow, unhealthy_names
from flashcrash_core.market.instruments import Instrument
from flashcrash_core.runtime.containment import Host, ScorerGuard, StrategyGuard
from flashcrash_core.runtime.markouts import Markouts
from flashcrash_core.trading.strategy import Fees, Moment, Strategy

__all__ = ["HISTORY_ROWS", "Lane", "LaneSetup"]

HISTORY_ROWS: Final = 101
"""10 s of judged rows for the scorer's peak-hold, both ends included."""
_SETTLE_US: Final = 6_000_000
"""Rows of a silence that still close the last bars and the longest mark-out before the lane starts over."""


@frozen
class LaneSetup:
    """What a lane is built from. The factories give fresh programs, so that a lane can start over after a long silence."""

    instrument: Instrument
    has_book: bool
    source_is_mid: bool
    detector: DetectorConfig
    entries: Callable[[], tuple[PanelEntry, ...]]
    strategy: Callable[[], Strategy]
    scorer: Scorer
    fees: Fees
    max_silence_us: int
    synthetic_book: bool = False
    synthetic_market: bool = False
    sweep: bool = True
    needs_book: frozenset[str] = frozenset()
    scorer_name: str = "scorer"
    strategy_name: str = "strategy"
    """Names of the plugins, for their faults."""
    bar_memory: int | None = None
    """So many bars with trades decide what the strategy does; None: all of them do."""


class Lane:
    """One symbol's pipeline. ``now_us`` is the time at which the newest event acts."""

    def __init__(
        self, setup: LaneSetup, on_transition: Callable[[Transition], None], host: Host, scorer: ScorerGuard | None = None
    ) -> None:
        self.setup = setup
        self.symbol = setup.instrument.symbol
        self.market = FeatureAccumulator(setup.instrument, has_book=setup.has_book, source_is_mid=setup.source_is_mid)
        self.strategy = StrategyGuard(setup.strategy(), setup.strategy_name, self.symbol, host)
        self.scorer = ScorerGuard(setup.scorer, setup.scorer_name, host) if scorer is None else scorer
        self.entries_blocked = ""
        """Why no entry is allowed for the rest of the session, "" while one is: a plugin that entries need is gone."""
        self.exits_wait_us = 0
        """No exit is tried before: the last one could not be sent."""
        self.score_failed = ""
        """Why a score asked for in this moment failed, "" if none did."""
        self.episodes = EpisodeLog()
        self.markouts = Markouts()
        self.state_us: Counter[str] = Counter({str(s): 0 for s in State})
        self.blocked_us: Counter[str] = Counter()
        """Time outside SLEEP during which entries were blocked, by reason."""
        self.blind_us = 0
        """Time of rows in which nothing could fire: warming up."""
        self.restarts = 0
        self.flat = True
        self.now_us = 0
        self.row: FeatureRow | None = None
        self._bar_is_new = False
        self.first_us = 0
        """Event time of the first row."""
        self._on_transition = on_transition
        self._host = host
        self._shares_before: dict[str, tuple[int, int]] = {}
        self.sweep: HoldSweep | None = None
        self.make_panel: Callable[[tuple[PanelEntry, ...], str, Oversight | None], Panel] = Panel
        """Where readings come from; the batch engine has them as columns already."""
        self._build_detection()
        if setup.sweep:
            self.sweep = HoldSweep(self.detector)
        self.moment = Moment(self.symbol, setup.instrument, setup.fees, self._score, setup.has_book)

    def _build_detection(self) -> None:
        entries = self.setup.entries()
        self.panel = self.make_panel(entries, self.symbol, self._host.oversight)
        self.detector = Detector(self.symbol, entries, self.setup.detector)
        self.detector.judgement.symbol = self.symbol
        self.detector.judgement.oversight = self._host.oversight
        if self.sweep is not None:
            self.sweep.restart(self.detector)
        self._history: deque[JudgedRow] = deque(maxlen=HISTORY_ROWS)
        self._depth = next((i for i, e in enumerate(entries) if e.role is Role.DEPTH), -1)

    def oversee(self, oversight: Oversight | None) -> None:
        """From now on calls are measured, or journalled faults imposed; None: neither."""
        self.panel.oversight = self.detector.judgement.oversight = oversight

    # -- events ------------------------------------------------------------------------------------------------------

    def on_market(self, event: MarketEvent) -> bool:
        """Take a market event; returns False when it was late or corrupt and must not be decided on."""
        market = self.market
        act_us = market.admit(event)
        if act_us < 0:
            market.apply_late(event)  # a diff belongs in the book whatever its stamp says, or the chain would break
            return False
        if 0 < market.next_row_us <= act_us:
            if act_us - market.next_row_us > self.setup.max_silence_us:
                self._restart(act_us)
            while market.next_row_us <= act_us:
                self.on_row(market.close_row())
        if act_us > self.now_us:  # a notice may have come at a later time: this symbol's time never goes back
            self.now_us = act_us
        market.apply(event, act_us)
        return True

    def _restart(self, act_us: int) -> None:
        """After a silence beyond any baseline: forget, and warm up again. The bars of before it still close."""
        self.start_over(act_us)
        market = self.market
        until_us = min(act_us, market.next_row_us + _SETTLE_US)
        while market.next_row_us <= until_us:
            self._after_row(market.close_row())
        market.start_grid(act_us)

    def start_over(self, act_us: int) -> None:
        """Forget what was detected so far, with fresh programs; what was counted stays."""
        self.restarts += 1
        if self.detector.state not in (State.SLEEP, State.SHUTDOWN) and self.row is not None:
            self._on_transition(self.detector.leave("silence", self.row))
        shutdown = self.detector.state is State.SHUTDOWN
        panel, self._shares_before = self.panel, self.shares()
        self._build_detection()
        self._inherit(panel, act_us)
        if shutdown:
            self.detector.shutdown("restart", act_us)

    def on_row(self, row: FeatureRow) -> None:
        """Take a closed row: readings, states, and what is counted of both."""
        detector, panel = self.detector, self.panel
        state = detector.state
        self.row = row
        if not self.first_us:
            self.first_us = row.t_us
        self.state_us[state] += GRID_US
        panel.on_row(row)
        if panel.faults:
            self._report_faults()
        transitions = detector.on_row(row, panel.pairs, flat=self.flat)
        if detector.judgement.faults:
            self._contain(row.t_us)
        if self.sweep is not None:
            self.sweep.on_row(row, panel.pairs, transitions)
        self._history.append(JudgedRow(row.t_us, tuple(detector.judgement.values)))
        for transition in transitions:
            self._on_transition(transition)
        if detector.state is not State.SLEEP:
            self.episodes.on_row(row.t_us, row.low, row.high)
        if not detector.warm:
            self.blind_us += GRID_US
        if state is not State.SLEEP and (blocked := self.blocked(closing=True)) not in ("", "state"):
            self.blocked_us[blocked] += GRID_US
        self._after_row(row)

    @property
    def dozing(self) -> bool:
        """Nothing is going on: rows in which nothing agrees may be told in one step."""
        return (
            self.flat
            and self.detector.idle
            and not self.markouts.waiting
            and (self.sweep is None or not self.sweep.running)
            and not self.awake
        )

    def sleep_through(
        self, nap: Nap, rows: int, *, blind_rows: int, history: Iterable[JudgedRow], bars: Iterable[tuple[Bar, int]]
    ) -> None:
        """Stand as after ``rows`` rows of a nap. ``bars`` come with the times of the rows that saw them first."""
        self.state_us[State.SLEEP] += rows * GRID_US
        self.blind_us += blind_rows * GRID_US
        self.detector.sleep_through(nap)
        self._history.extend(history)
        for bar, t_us in bars:
            self.strategy.on_bar(bar, t_us)
            self._bar_is_new = False

    def _after_row(self, row: FeatureRow) -> None:
        if self.markouts.waiting:
            self.markouts.on_row(row.t_us, row.price)
        if row.bar_new and self.market.bar is not None:
            self.strategy.on_bar(self.market.bar, row.t_us)
            self._bar_is_new = self.awake  # a bar first seen asleep is old news on waking

    def _contain(self, t_us: int) -> None:
        for index, error in self.detector.judgement.faults:
            self.panel.contain(index, t_us, error)
        self.detector.judgement.faults.clear()
        self._report_faults()

    def _report_faults(self) -> None:
        for fault in self.panel.faults:
            if fault.quarantined:
                self._drop(next(i for i, e in enumerate(self.panel.entries) if e.name == fault.name))
            self._host.on_fault(self.symbol, fault)
        self.panel.faults.clear()

    def _drop(self, index: int) -> None:
        self.detector.judgement.drop(index)
        if self.sweep is not None:
            self.sweep.drop(index)

    def _inherit(self, panel: Panel, t_us: int) -> None:
        """Starting over pardons nobody, and an indicator that could not be built again is gone."""
        self.panel.inherit(panel)
        for index, entry in enumerate(self.panel.entries):
            if entry.failed and not self.panel.faults_of(index).quarantined:
                self.panel.quarantine(index, t_us, entry.failed, "raised")
            elif self.panel.faults_of(index).quarantined:
                self._drop(index)
        self._report_faults()

    def quarantine(self, name: str, message: str) -> bool:
        """Stop calling the indicator instance ``name`` for good, at the operator's wish; False when there is none."""
        found = [i for i, e in enumerate(self.panel.entries) if e.name == name]
        for index in found:
            self.panel.quarantine(index, self.now_us, message, "operator")
        self._report_faults()
        return bool(found)

    # -- what decisions are made of ----------------------------------------------------------------------------------

    @property
    def awake(self) -> bool:
        """The act clock: while entries are possible, or an order or position is open, the strategy sees every event."""
        return not self.flat or self.detector.state in self.setup.detector.entry_states

    def blocked(self, *, closing: bool = False) -> str:
        """Why no entry is allowed now, "" if one is. Never applies to exits. ``closing``: a row closes now, and knows the book."""
        detector = self.detector
        if detector.state not in self.setup.detector.entry_states:
            return "shutdown" if detector.state is State.SHUTDOWN else "state"
        row = self.row
        if row is None:
            return "state"
        if self.entries_blocked:
            return self.entries_blocked
        if row.unhealthy:
            return "data_" + unhealthy_names(row.unhealthy)[0]
        if not closing and self.setup.has_book and not self.market.book_synced:
            return "data_book_unsynced"  # a gap counts at once, not only from the next row on
        if detector.degraded:
            return "degraded"
        if row.t_us < detector.entries_blocked_until_us:
            return "flapping"
        if self._depth >= 0 and detector.judgement.fired[self._depth]:
            return "liquidity_collapse"
        return ""

    def look(self) -> Moment:
        """The moment for the strategy, with everything that belongs to this symbol filled in."""
        moment, market = self.moment, self.market
        moment.now_us = self.now_us
        moment.state = self.detector.state
        moment.blocked = self.blocked()
        moment.bid_ticks, moment.ask_ticks, moment.last_ticks = market.bid_ticks, market.ask_ticks, market.last_ticks
        moment.bar = market.bar
        moment.bar_is_new = self._bar_is_new
        self._bar_is_new = False
        if moment.bar_is_new or moment.row_us != self.detector.row_us:
            moment.row_us = self.detector.row_us
            values, fired = self.detector.judgement.values, self.detector.judgement.fired
            readings = {e.name: values[i] for i, e in enumerate(self.panel.entries) if not isnan(values[i])}
            moment.readings = MappingProxyType(readings)
            moment.fired = MappingProxyType({e.name: fired[i] for i, e in enumerate(self.panel.entries)})
            moment.statistics = self._statistics()
        return moment

    def _statistics(self) -> Mapping[str, Mapping[str, float]]:
        """Read-only: scorer and strategy see the same names, and neither may change what the other sees."""
        return MappingProxyType(
            {
                entry.name: MappingProxyType({name: x for name, x in zip(entry.statistics, pair[0], strict=True) if not isnan(x)})
                for entry, pair in zip(self.panel.entries, self.panel.pairs, strict=True)
            }
        )

    def _score(self, entry_price: float, target_price: float, order_notional: float) -> Score:
        names = tuple(e.name for e in self.panel.entries)
        order = (
            float(entry_price),
            float(target_price),
            float(order_notional),
        )  # nonsense is the strategy's fault, not the scorer's
        context = ScoreContext(self.now_us, names, tuple(self._history), self._statistics(), *order)
        score = self.scorer.score(context, self.symbol)
        if self.scorer.refusal:
            self.score_failed = self.scorer.refusal
        return score

    def sigma(self) -> float:
        """sigma_W now, per sqrt(second); NaN while missing."""
        return self.detector.sigma()[0]

    def shares(self) -> dict[str, tuple[int, int]]:
        """By indicator instance: microseconds in which it was ready, and in which it was fired."""
        t_us = self.detector.row_us
        result = {}
        for index, entry in enumerate(self.panel.entries):
            before, now = self._shares_before.get(entry.name, (0, 0)), self.detector.judgement.shares(index, t_us)
            result[entry.name] = (before[0] + now[0], before[1] + now[1])
        return result

    def readings(self) -> list[Reading]:
        """All indicators at the last row, for reports."""
        stale = bool(self.row is not None and self.row.unhealthy)
        result = []
        for i, entry in enumerate(self.panel.entries):
            value = self.detector.judgement.values[i]
            missing = isnan(value)
            reason = self.panel.missing_reason(i) if missing else ""
            fired = self.detector.judgement.fired[i]
            provenance = "" if missing else self._provenance(entry)
            result.append(Reading(entry.name, None if missing else value, fired, not missing, stale, reason, provenance))
        return result

    def _provenance(self, entry: PanelEntry) -> str:
        if entry.plugin in self.setup.needs_book:
            return "synthetic_book" if self.setup.synthetic_book else "real_book"
        return "synthetic_trades" if self.setup.synthetic_market else "real_trades"

    # -- snapshot for resume -----------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any] | None:
        """State of all parts as plain data; None when a plugin cannot give its own, which is a fault of that plugin."""
        panel, strategy = self.panel.snapshot(self.now_us), self.strategy.snapshot(self.now_us)
        self._report_faults()
        if panel is None or strategy is None:
            return None
        return {
            "market": self.market.snapshot(),
            "panel": panel,
            "detector": self.detector.snapshot(),
            "sweep": None if self.sweep is None else self.sweep.snapshot(),
            "strategy": strategy,
            "shares": dict(self._shares_before),
            "entries_blocked": self.entries_blocked,
            "episodes": self.episodes.snapshot(),
            "markouts": self.markouts.snapshot(),
            "history": [[h.t_us, list(h.values)] for h in self._history],
            "row": None if self.row is None else list(self.row),
            "state_us": dict(self.state_us),
            "blocked_us": dict(self.blocked_us),
            "plain": [self.restarts, self.flat, self.now_us, self._bar_is_new, self.blind_us, self.first_us],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.market.restore(data["market"])
        self.panel.restore(data["panel"])
        self.detector.restore(data["detector"])
        if self.sweep is not None and data["sweep"] is not None:
            self.sweep.restore(data["sweep"])
        self.strategy.restore(data["strategy"])
        self.episodes.restore(data["episodes"])
        self.markouts.restore(data["markouts"])
        self._history.extend(JudgedRow(t, tuple(values)) for t, values in data["history"])
        self.row = None if data["row"] is None else FeatureRow(*data["row"])
        self.state_us = Counter(data["state_us"])
        self.blocked_us = Counter(data["blocked_us"])
        self._shares_before = {name: (ready_us, fired_us) for name, (ready_us, fired_us) in data["shares"].items()}
        self.entries_blocked = data["entries_blocked"]
        self.restarts, self.flat, self.now_us, self._bar_is_new, self.blind_us, self.first_us = data["plain"]
