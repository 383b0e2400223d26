"""The state machine: SLEEP, ALERT, ACTIVE, RECOVERY, SHUTDOWN (reference/microstructure.md section 3).

One detector per symbol, driven once per grid row. All its clocks run on *healthy* event time: while the data is unhealthy they
stand still, neither advancing nor resetting. Every transition carries its evidence.
"""

from collections import deque
from math import inf, isnan, nan, sqrt
from typing import Any, Final

from attrs import frozen

from flashcrash_core.detection.direction import Drawdown
from flashcrash_core.detection.indicator import Role
from flashcrash_core.detection.judgement import Judgement
from flashcrash_core.detection.nap import Nap
from flashcrash_core.detection.panel import Pair, PanelEntry
from flashcrash_core.detection.settings import DetectorConfig, State
from flashcrash_core.errors import InvariantError
from flashcrash_core.market.features import GRID_US, FeatureRow, unhealthy_names

__all__ = ["Detector", "Transition"]

_FEW_WITNESSES: Final = 3
"""With so few available core indicators (no book) the direction gate asks for the larger fall (section 2.9)."""


@frozen
class Transition:
    """A change of state, timed by the row that caused it. ``evidence`` is plain data: counts, flags, drawdown, values."""

    symbol: str
    t_us: int
    source: State
    target: State
    reason: str
    evidence: dict[str, Any]


def _us(seconds: float) -> int:
    return round(seconds * 1_000_000)


class Detector:
    """Counts agreeing indicators and walks the states.

    Attributes read by others: ``state``, ``judgement`` (values and flags), ``count`` (C), ``available`` (n), ``needed`` (K),
    ``degraded`` (n too small for ACTIVE), ``warm``, ``drawdown``, ``entries_blocked_until_us`` (FLAPPING).
    """

    def __init__(self, symbol: str, entries: tuple[PanelEntry, ...], config: DetectorConfig) -> None:
        self.symbol = symbol
        self.config = config
        self.entries = entries
        self.judgement = Judgement(entries, freeze=config.freeze_baselines)
        self.drawdown = Drawdown(_us(config.drawdown_window_s))
        self.state = State.SLEEP
        self.count = self.available = 0
        self.needed = config.confirmations
        self.warm = False
        self.degraded = True
        self.entries_blocked_until_us = 0
        self.event_low = inf
        self._core = tuple(i for i, e in enumerate(entries) if e.role is Role.CORE)
        self._confirming = tuple(i for i, e in enumerate(entries) if e.role is Role.CONFIRMATION)
        self._sigma = next((i for i, e in enumerate(entries) if e.name == config.volatility), -1)
        c = config
        self._hold_us, self._dip_us, self._dwell_us = _us(c.hold_s), _us(c.dip_tolerance_s), _us(c.dwell_s)
        self._freeze_max_us, self._unhealthy_sleep_us = _us(c.freeze_max_s), _us(c.unhealthy_sleep_s)
        self._alert_hold_us, self._alert_release_us, self._alert_max_us = (
            _us(c.alert_hold_s), _us(c.alert_release_s), _us(c.alert_max_s),
        )  # fmt: skip
        self._active_release_us, self._active_max_us = _us(c.active_release_s), _us(c.active_max_s)
        self._recovery_return_us, self._recovery_calm_us, self._recovery_max_us = (
            _us(c.recovery_return_s), _us(c.recovery_calm_s), _us(c.recovery_max_s),
        )  # fmt: skip
        self._flapping_window_us, self._flapping_block_us = _us(c.flapping_window_s), _us(c.flapping_block_s)
        self._minimum_available = c.minimum_available
        self._alert_count = c.alert_count
        self._memory_us, self._warmup_us = _us(c.velocity_memory_s), _us(c.warmup_s)
        self._alert_dd, self._floor_dd, self._floor_few_dd = (
            c.alert_drawdown_bp * 1e-4, c.drawdown_floor_bp * 1e-4, c.drawdown_floor_degraded_bp * 1e-4,
        )  # fmt: skip
        self._sigma_factor = c.drawdown_sigmas * sqrt(c.drawdown_window_s)
        self._measures_falls = True
        """False for a shadow, whose drawdown is that of the detector beside it."""
        self._clock_us = 0  # healthy event time
        self._row_us = 0
        self._warm_since_us = 0
        self._entered_us = 0  # by the healthy clock
        self._agree_since: int | None = None  # C >= K, dips tolerated
        self._agree_last = 0
        self._return_since: int | None = None  # C >= K without dips, for RECOVERY -> ACTIVE
        self._alert_since: int | None = None
        self._low_since: int | None = None  # C < 2
        self._quiet_since: int | None = None  # C <= 1
        self._calm_since: int | None = None
        self._no_low_since = 0  # the first row after the newest low
        self._velocity_us = -(10**18)
        self._spiking = False
        self._many, self._few = config.confirmations, config.confirmations_with_velocity
        self._left_sleep_us = 0
        self._unhealthy_us = 0
        self._sigma_w = nan
        self._recent: deque[int] = deque(maxlen=config.flapping_transitions + 1)

    # -- one row -----------------------------------------------------------------------------------------------------

    def on_row(self, row: FeatureRow, pairs: list[Pair], *, flat: bool) -> list[Transition]:
        """Judge the pairs, count, and move. ``flat`` says that the symbol has neither order nor position."""
        t_us = row.t_us
        step_us = t_us - self._row_us if self._row_us else 0
        if not self._row_us:
            self._warm_since_us = t_us
        self._row_us = t_us
        changed = self.judgement.on_row(t_us, pairs)
        if self._measures_falls:
            self.drawdown.on_row(t_us, row.price)
        if self._sigma >= 0:
            self._sigma_w = pairs[self._sigma][0][0]
        self._tally(changed)
        self.warm = t_us - self._warm_since_us >= self._warmup_us and self.available >= self._minimum_available
        if self.state is State.SHUTDOWN:
            return []
        new_low = self._follow_low(row)
        if row.unhealthy:
            return self._while_unhealthy(row, step_us, flat=flat)
        self._unhealthy_us = 0
        self._clock_us += step_us
        if self.judgement.frozen and self._clock_us - self._left_sleep_us >= self._freeze_max_us:
            self._thaw()
        self._run_clocks(new_low)
        if self._clock_us - self._entered_us < self._dwell_us:
            return []
        step = self._next(new_low)
        return [self._go(*step, row)] if step else []

    def _tally(self, changed: bool) -> None:
        if changed:
            judgement = self.judgement
            if judgement.tally is None:
                fired, values = judgement.fired, judgement.values
                count, available = sum([fired[i] for i in self._core]), sum([not isnan(values[i]) for i in self._core])
                judgement.tally = count, available, any(fired[i] for i in self._confirming)
            self.count, self.available, self._spiking = judgement.tally
            self.degraded = self.available < self._minimum_available
        # Memory of a velocity spike runs on event time: it says what the market did, not how long data was healthy.
        if self._spiking:
            self._velocity_us = self._row_us
        relieved = self._row_us - self._velocity_us <= self._memory_us and not self.degraded
        self.needed = self._few if relieved else self._many

    def _follow_low(self, row: FeatureRow) -> bool:
        if self.state is State.SLEEP or not row.low < self.event_low:
            return False
        self.event_low = row.low
        return True

    def _while_unhealthy(self, row: FeatureRow, step_us: int, *, flat: bool) -> list[Transition]:
        self._unhealthy_us += step_us
        if flat and self.state in (State.ALERT, State.ACTIVE) and self._unhealthy_us > self._unhealthy_sleep_us:
            self.restart_warmup(row.t_us)
            return [self._go(State.SLEEP, "unhealthy", row)]
        return []

    def _run_clocks(self, new_low: bool) -> None:
        now, count = self._clock_us, self.count
        if count >= self.needed:
            if self._agree_since is None:
                self._agree_since = now
            self._agree_last = now
            if self._return_since is None:
                self._return_since = now
        else:
            self._return_since = None
            if self._agree_since is not None and now - self._agree_last > self._dip_us:
                self._agree_since = None
        several = count >= self._alert_count
        spike = count >= 1 and self._spiking and self.drawdown.value <= -self._alert_dd
        if not (several or spike):
            self._alert_since = None
        elif self._alert_since is None:
            self._alert_since = now
        if self.state is State.SLEEP:
            # Only an ALERT can follow, so the clocks that end episodes need not run; they start from here on waking.
            self._low_since = self._quiet_since = self._calm_since = None
            return
        self._low_since = None if several else now if self._low_since is None else self._low_since
        quiet = count <= self.config.active_release_count
        self._quiet_since = None if not quiet else now if self._quiet_since is None else self._quiet_since
        calm = count == 0 and self._calm()
        self._calm_since = None if not calm else now if self._calm_since is None else self._calm_since
        if new_low:
            self._no_low_since = now + GRID_US  # the row of the low itself is not one without

    def _calm(self) -> bool:
        sigma_w, sigma_b = self.sigma()
        return sigma_w < self.config.recovery_calm_ratio * sigma_b

    def sigma(self) -> tuple[float, float]:
        """``(sigma_W, sigma_B)`` per sqrt(second); sigma_B is frozen outside SLEEP. NaN while missing."""
        baseline = self.judgement.baseline(self._sigma) if self._sigma >= 0 else ()
        return self._sigma_w, baseline[0] if baseline else nan

    # -- naps --------------------------------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Asleep, with no clock running that could end the sleep: rows in which nothing agrees may be told in one step."""
        return (
            self.state is State.SLEEP
            and self._agree_since is None
            and self._return_since is None
            and self._alert_since is None
            and not self.judgement.frozen
        )

    @property
    def least_agreement(self) -> int:
        """So many agreeing indicators, or a spike with a fall, are something; fewer are nothing."""
        return min(self._alert_count, self._many, self._few)

    def sleep_through(self, nap: Nap) -> None:
        """Stand as after the rows of the nap, which must follow the newest row. Only while :attr:`idle`."""
        if not self._row_us:
            raise InvariantError("a detector that has seen no row cannot nap")
        self._row_us = nap.t_us
        self._clock_us += nap.healthy_us
        self._unhealthy_us = self._unhealthy_us + nap.unhealthy_us if nap.all_unhealthy else nap.unhealthy_us
        self.judgement.sleep_through(nap)
        for t_us, price in nap.prices:
            self.drawdown.on_row(t_us, price)
        if self._sigma >= 0:
            self._sigma_w = nap.pairs[self._sigma][0][0]
        if nap.spike_us is not None:
            self._velocity_us = nap.spike_us
        self._tally(changed=True)
        self.warm = self._row_us - self._warm_since_us >= self._warmup_us and self.available >= self.config.minimum_available
        self._low_since = self._quiet_since = self._calm_since = None

    @property
    def warm_from_us(self) -> int:
        """From this row on the warm-up is over, as far as time goes."""
        return self._warm_since_us + self._warmup_us

    # -- transitions -------------------------------------------------------------------------------------------------

    def _next(self, new_low: bool) -> tuple[State, str] | None:
        now, c = self._clock_us, self.config
        age_us = now - self._entered_us
        match self.state:
            case State.SLEEP:
                if self.warm and _held(self._alert_since, now, self._alert_hold_us):
                    return State.ALERT, "agreement" if self.count >= c.alert_count else "velocity_and_fall"
            case State.ALERT:
                agreed = self.count >= self.needed and _held(self._agree_since, now, self._hold_us)
                if agreed and not self.degraded and self.falling():
                    return State.ACTIVE, "confirmed"
                if _held_after(self._low_since, self._entered_us, now, self._alert_release_us):
                    return State.SLEEP, "released"
                if age_us > self._alert_max_us:
                    return State.SLEEP, "alert_timeout"
            case State.ACTIVE:
                quiet = _held(self._quiet_since, now, self._active_release_us)
                if quiet and now - self._no_low_since >= self._active_release_us:
                    return State.RECOVERY, "released"
                if age_us > self._active_max_us:
                    return State.RECOVERY, "timeout"
            case State.RECOVERY:
                if not self.degraded:
                    if self.count >= self.needed and _held(self._return_since, now, self._recovery_return_us) and self.falling():
                        return State.ACTIVE, "confirmed_again"
                    if new_low and self.count >= c.alert_count:
                        return State.ACTIVE, "new_low"
                if _held_after(self._calm_since, self._entered_us, now, self._recovery_calm_us):
                    return State.SLEEP, "calm"
                if age_us > self._recovery_max_us:
                    return State.SLEEP, "recovery_timeout"
        return None

    def falling(self) -> bool:
        """The direction gate in this row."""
        if not self.config.direction_gate:
            return True
        floor = self._floor_few_dd if self.available <= _FEW_WITNESSES else self._floor_dd
        sigma_b = self.sigma()[1]
        if not isnan(sigma_b):
            floor = max(floor, self._sigma_factor * sigma_b)
        return self.drawdown.value <= -floor

    def _go(self, target: State, reason: str, row: FeatureRow) -> Transition:
        source, self.state = self.state, target
        self._entered_us = self._clock_us
        if source is State.SLEEP:
            if self.config.freeze_baselines:
                self.judgement = self.judgement.apart()
                self.judgement.freeze()
            self._left_sleep_us = self._clock_us
            self.event_low = row.low if not isnan(row.low) else row.price if not isnan(row.price) else inf
            self._no_low_since = self._clock_us
            self._run_clocks(new_low=False)  # those that slept start on entering the state
        if target is State.SLEEP:
            self._thaw()
            self.event_low = inf
        self._recent.append(row.t_us)
        full = len(self._recent) == self._recent.maxlen
        if full and row.t_us - self._recent[0] < self._flapping_window_us:
            self.entries_blocked_until_us = row.t_us + self._flapping_block_us
        return Transition(self.symbol, row.t_us, source, target, reason, self.evidence(row))

    def _thaw(self) -> None:
        if self.judgement.frozen:
            self.judgement = self.judgement.apart()
            self.judgement.thaw()

    def shadow(self, config: DetectorConfig) -> "Detector":
        """A detector of other settings that goes on from here beside this one, shown the same rows after it.

        Until one of them freezes or thaws its baselines they share the judgement of each row, and always the fall.
        """
        twin = Detector(self.symbol, self.entries, config)
        twin.restore(self.snapshot())
        if config.freeze_baselines == self.config.freeze_baselines:
            self.judgement.shared = True
            twin.judgement = self.judgement
        twin.drawdown, twin._measures_falls = self.drawdown, False
        return twin

    @property
    def row_us(self) -> int:
        """Time of the newest row."""
        return self._row_us

    def leave(self, reason: str, row: FeatureRow) -> Transition:
        """Go back to SLEEP for a reason outside the table (a silence beyond every baseline)."""
        return self._go(State.SLEEP, reason, row)

    def shutdown(self, reason: str, t_us: int) -> Transition:
        """Enter SHUTDOWN from any state; absorbing."""
        source, self.state = self.state, State.SHUTDOWN
        return Transition(
            self.symbol, t_us, source, State.SHUTDOWN, reason, {"C": self.count, "n": self.available, "K": self.needed}
        )

    def restart_warmup(self, t_us: int) -> None:
        """Baselines are no longer trusted: wait ``warmup_s`` again."""
        self._warm_since_us = t_us
        self.warm = False

    def evidence(self, row: FeatureRow) -> dict[str, Any]:
        """Why the detector stands where it stands, as plain data."""
        values, fired = self.judgement.values, self.judgement.fired
        return {
            "C": self.count,
            "n": self.available,
            "K": self.needed,
            "fired": [e.name for i, e in enumerate(self.entries) if fired[i]],
            "values": {e.name: None if isnan(values[i]) else round(values[i], 6) for i, e in enumerate(self.entries)},
            "drawdown_bp": None if isnan(self.drawdown.value) else round(self.drawdown.value * 1e4, 2),
            "unhealthy": unhealthy_names(row.unhealthy),
        }

    # -- snapshot ----------------------------------------------------------------------------------------------------

    _PLAIN = (
        "count", "available", "needed", "warm", "degraded", "entries_blocked_until_us", "event_low", "_clock_us", "_row_us",
        "_warm_since_us", "_entered_us", "_agree_since", "_agree_last", "_return_since", "_alert_since", "_low_since",
        "_quiet_since", "_calm_since", "_no_low_since", "_velocity_us", "_left_sleep_us", "_unhealthy_us", "_sigma_w", "_spiking",
    )  # fmt: skip

    def snapshot(self) -> dict[str, Any]:
        """State as plain data, msgpack-able."""
        return {
            "state": str(self.state),
            "plain": {name: getattr(self, name) for name in self._PLAIN},
            "recent": list(self._recent),
            "judgement": self.judgement.snapshot(),
            "drawdown": self.drawdown.snapshot(),
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.state = State(data["state"])
        for name, value in data["plain"].items():
            setattr(self, name, value)
        self._recent.clear()
        self._recent.extend(data["recent"])
        self.judgement.restore(data["judgement"])
        self.drawdown.restore(data["drawdown"])


def _held(since: int | None, now: int, for_us: int) -> bool:
    return since is not None and now - since >= for_us


def _held_after(since: int | None, entered: int, now: int, for_us: int) -> bool:
    return since is not None and now - max(since, entered) >= for_us
