"""The ``paper`` executor: the same simulated venue as a backtest's, on a session's events; no order leaves the process."""

from flashcrash_core.api import ExecutorContext, ExecutorSpec, PluginInfo, SimulatedVenue, VenueConfig, hookimpl

__all__ = ["flashcrash_plugin"]

flashcrash_plugin = PluginInfo(api=1, summary="Fills orders of a paper session on the simulated venue")


def build(config: VenueConfig, context: ExecutorContext) -> SimulatedVenue:
    """A venue for one session. Raises ConfigError when the fill model does not fit the data."""
    return SimulatedVenue(config, context)


@hookimpl
def flashcrash_executors() -> list[ExecutorSpec]:
    """The one executor of this module."""
    return [
        ExecutorSpec(
            name="paper",
            summary="simulated venue: latency, queue or trade-through fills, stress",
            config=VenueConfig,
            build=build,
            modes=frozenset({"paper"}),
        )
    ]
