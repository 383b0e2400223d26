"""The hooks a plugin module may implement. They run when a run is composed and at its edges, never per event.

Implementations are marked with :data:`hookimpl` and may name fewer arguments than the specification.
"""

from collections.abc import Iterable
from typing import Any

import pluggy

from flashcrash_core.specs import ExecutorSpec, FeedSpec, IndicatorSpec, ScorerSpec, StoreSpec, StrategySpec

__all__ = ["PROJECT", "FlashcrashHooks", "hookimpl", "hookspec"]

PROJECT = "flashcrash"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class FlashcrashHooks:
    """Namespace of the hook specifications."""

    @hookspec
    def flashcrash_feeds(self) -> Iterable[FeedSpec]:  # type: ignore[empty-body]
        """Feeds that this plugin offers."""

    @hookspec
    def flashcrash_indicators(self) -> Iterable[IndicatorSpec]:  # type: ignore[empty-body]
        """Indicators that this plugin offers."""

    @hookspec
    def flashcrash_scorers(self) -> Iterable[ScorerSpec]:  # type: ignore[empty-body]
        """Scorers that this plugin offers."""

    @hookspec
    def flashcrash_strategies(self) -> Iterable[StrategySpec]:  # type: ignore[empty-body]
        """Strategies that this plugin offers."""

    @hookspec
    def flashcrash_executors(self) -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
        """Executors that this plugin offers."""

    @hookspec
    def flashcrash_stores(self) -> Iterable[StoreSpec]:  # type: ignore[empty-body]
        """Storage backends that this plugin offers."""

    @hookspec
    def flashcrash_session_start(self, session_id: str, mode: str, symbols: tuple[str, ...]) -> None:
        """A session is composed and about to take its first event."""

    @hookspec
    def flashcrash_session_end(self, session_id: str, report: dict[str, Any]) -> None:
        """A session ended; ``report`` is the JSON report. Not called when the process is killed."""

    @hookspec
    def flashcrash_commands(self) -> Iterable[tuple[str, Any]]:  # type: ignore[empty-body]
        """Extra commands: ``(name, typer app or function)`` pairs, added to the command line."""
