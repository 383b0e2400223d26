"""The detector's settings; defaults are the reference's ``robust`` reading, profiles override them (docs/architecture.md)."""

from enum import StrEnum

from attrs import field, frozen, validators

__all__ = ["DetectorConfig", "State"]


class State(StrEnum):
    """States of the detector (reference/microstructure.md section 3.2)."""

    SLEEP = "SLEEP"
    ALERT = "ALERT"
    ACTIVE = "ACTIVE"
    RECOVERY = "RECOVERY"
    SHUTDOWN = "SHUTDOWN"


@frozen(kw_only=True)
class DetectorConfig:
    """Counts, clocks and gates of the state machine. Times in seconds, thresholds in basis points of log price."""

    warmup_s: float = field(default=320.0, validator=validators.ge(0))
    confirmations: int = field(default=3, validator=validators.ge(1))
    """K: core indicators that must agree."""
    confirmations_with_velocity: int = field(default=2, validator=validators.ge(1))
    """K while the confirmation indicator fired within ``velocity_memory_s`` (equal to ``confirmations`` disables it)."""
    velocity_memory_s: float = field(default=2.0, validator=validators.ge(0))
    minimum_available: int = field(default=3, validator=validators.ge(1))
    """Fewer available core indicators: DEGRADED, ACTIVE unreachable."""
    hold_s: float = field(default=2.0, validator=[validators.ge(0), validators.le(5)])
    dip_tolerance_s: float = field(default=0.3, validator=validators.ge(0))
    alert_count: int = field(default=2, validator=validators.ge(1))
    alert_hold_s: float = field(default=0.3, validator=validators.ge(0))
    alert_drawdown_bp: float = field(default=30.0, validator=validators.ge(0))
    """Fall over ``drawdown_window_s`` that lets one core indicator plus a velocity spike raise an ALERT."""
    alert_release_s: float = field(default=5.0, validator=validators.ge(0))
    alert_max_s: float = field(default=60.0, validator=validators.gt(0))
    active_release_count: int = field(default=1, validator=validators.ge(0))
    active_release_s: float = field(default=3.0, validator=validators.ge(0))
    active_max_s: float = field(default=900.0, validator=validators.gt(0))
    recovery_return_s: float = field(default=0.5, validator=validators.ge(0))
    recovery_calm_s: float = field(default=60.0, validator=validators.ge(0))
    recovery_calm_ratio: float = field(default=2.0, validator=validators.gt(0))
    recovery_max_s: float = field(default=900.0, validator=validators.gt(0))
    direction_gate: bool = True
    drawdown_window_s: float = field(default=30.0, validator=validators.gt(0))
    drawdown_floor_bp: float = field(default=30.0, validator=validators.ge(0))
    drawdown_floor_degraded_bp: float = field(default=100.0, validator=validators.ge(0))
    """Floor when at most three core indicators are available (no book): fewer witnesses, a larger fall is asked for."""
    drawdown_sigmas: float = field(default=4.0, validator=validators.ge(0))
    freeze_baselines: bool = True
    freeze_max_s: float = field(default=900.0, validator=validators.gt(0))
    dwell_s: float = field(default=0.5, validator=validators.ge(0))
    flapping_transitions: int = field(default=6, validator=validators.ge(1))
    flapping_window_s: float = field(default=60.0, validator=validators.gt(0))
    flapping_block_s: float = field(default=60.0, validator=validators.ge(0))
    unhealthy_sleep_s: float = field(default=30.0, validator=validators.gt(0))
    entry_states: tuple[State, ...] = field(
        default=(State.ACTIVE,),
        validator=validators.deep_iterable(validators.in_([State.ACTIVE, State.RECOVERY])),
    )
    volatility: str = "volatility"
    """The indicator instance whose statistic and baseline are sigma_W and sigma_B."""
