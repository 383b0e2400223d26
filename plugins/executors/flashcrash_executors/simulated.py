"""The simulated venue as an executor, offered under one name per run mode (reference/microstructure.md section 6).

Backtest and paper must fill orders alike, or a paper session would say nothing about a backtest: so there is one descriptor.
"""

from flashcrash_core.api import ExecutorContext, ExecutorSpec, SimulatedVenue, VenueConfig

__all__ = ["build", "simulated_executor"]


def build(config: VenueConfig, context: ExecutorContext) -> SimulatedVenue:
    """A venue for one run. Raises ConfigError when the fill model does not fit the data."""
    return SimulatedVenue(config, context)


def simulated_executor(mode: str) -> ExecutorSpec:
    """The executor of one run mode, named like it."""
    return ExecutorSpec(
        name=mode,
        summary="simulated venue: latency, queue or trade-through fills, stress",
        config=VenueConfig,
        build=build,
        modes=frozenset({mode}),
        idle_blind=True,
    )
