"""The ``backtest`` executor: the simulated venue over recorded data, in event time (reference/microstructure.md section 6)."""

from flashcrash_core.api import ExecutorContext, ExecutorSpec, PluginInfo, SimulatedVenue, VenueConfig, hookimpl

__all__ = ["flashcrash_plugin"]

flashcrash_plugin = PluginInfo(api=1, summary="Fills orders of a backtest on the simulated venue")


def build(config: VenueConfig, context: ExecutorContext) -> SimulatedVenue:
    """A venue for one run. Raises ConfigError when the fill model does not fit the data."""
    return SimulatedVenue(config, context)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The one executor of this module."""
    return [
        ExecutorSpec(
            name="backtest",
            summary="simulated venue: latency, queue or trade-through fills, stress",
            config=VenueConfig,
            build=build,
            modes=frozenset({"backtest"}),
        )
    ]
