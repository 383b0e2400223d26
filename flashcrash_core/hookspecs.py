"""The hooks a plugin module may implement. They run when a run is composed and at its edges, never per event.

Implementations are marked with :data:`hookimpl` and may name fewer arguments than the specification. Every docstring below has
the same parts (``Called``, ``Arguments``, ``Returns``, ``If it raises``, ``Example``): docs/plugins/hooks.md is generated from
them, and a test fails when a hook or an argument has none.
"""

from collections.abc import Iterable
from typing import Any

import pluggy

from flashcrash_core.specs import ExecutorSpec, FeedSpec, Finding, IndicatorSpec, ScorerSpec, StoreSpec, StrategySpec

__all__ = ["PROJECT", "FlashcrashHooks", "hookimpl", "hookspec"]

PROJECT = "flashcrash"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class FlashcrashHooks:
    """Namespace of the hook specifications."""

    @hookspec
    def flashcrash_feeds(self) -> Iterable[FeedSpec]:  # type: ignore[empty-body]
        """Offer feeds: sources of market events (files, a simulation, a socket).

        Called:
            Once, by the registry, when the plugin is loaded; before the configuration of any feed is read.
        Arguments:
            None.
        Returns:
            A list (or any iterable, also a generator) of FeedSpec. An empty one is allowed.
        If it raises:
            The plugin is left out as a whole. A command that selected it ends with exit code 2 and the error with file and line;
            ``plugins list`` shows it as failed.
        Example:
            return [FeedSpec(name="ticks-csv", summary="Ticks from CSV", build=build, opens=reads)]
        """

    @hookspec
    def flashcrash_indicators(self) -> Iterable[IndicatorSpec]:  # type: ignore[empty-body]
        """Offer indicators: formulas over feature rows, judged by the detector.

        Called:
            Once, by the registry, when the plugin is loaded. The spec's ``build`` is called later, once per symbol and configured
            instance, and again when a lane starts over after a long silence.
        Arguments:
            None.
        Returns:
            A list (or any iterable, also a generator) of IndicatorSpec. An empty one is allowed.
        If it raises:
            The plugin is left out as a whole. A command that selected it ends with exit code 2 and the error with file and line;
            ``plugins list`` shows it as failed.
        Example:
            return [IndicatorSpec(name="my-vpin", summary="Volume imbalance", config=Config, build=build, statistics=("vpin",))]
        """

    @hookspec
    def flashcrash_scorers(self) -> Iterable[ScorerSpec]:  # type: ignore[empty-body]
        """Offer scorers: 0 to 100 points for a considered entry.

        Called:
            Once, by the registry, when the plugin is loaded. One scorer is used per run: ``scorer.use`` chooses it.
        Arguments:
            None.
        Returns:
            A list (or any iterable, also a generator) of ScorerSpec. An empty one is allowed.
        If it raises:
            The plugin is left out as a whole. A command that selected it ends with exit code 2 and the error with file and line;
            ``plugins list`` shows it as failed.
        Example:
            return [ScorerSpec(name="votes", summary="Share of fired indicators", config=Config, build=build)]
        """

    @hookspec
    def flashcrash_strategies(self) -> Iterable[StrategySpec]:  # type: ignore[empty-body]
        """Offer strategies: what to enter, exit, cancel or refuse at a moment.

        Called:
            Once, by the registry, when the plugin is loaded. One strategy is used per run: ``strategy.use`` chooses it.
        Arguments:
            None.
        Returns:
            A list (or any iterable, also a generator) of StrategySpec. An empty one is allowed.
        If it raises:
            The plugin is left out as a whole. A command that selected it ends with exit code 2 and the error with file and line;
            ``plugins list`` shows it as failed.
        Example:
            return [StrategySpec(name="one-bid", summary="One resting bid", config=Config, build=build)]
        """

    @hookspec
    def flashcrash_executors(self) -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
        """Offer executors: ports that take orders at once and answer later, in notices.

        Called:
            Once, by the registry, when the plugin is loaded. One executor is used per run: ``executor.use``, or by mode.
        Arguments:
            None.
        Returns:
            A list (or any iterable, also a generator) of ExecutorSpec. An empty one is allowed.
        If it raises:
            The plugin is left out as a whole. A command that selected it ends with exit code 2 and the error with file and line;
            ``plugins list`` shows it as failed.
        Example:
            return [ExecutorSpec(name="dry", summary="Fills nothing", build=build, modes=frozenset({"paper"}))]
        """

    @hookspec
    def flashcrash_stores(self) -> Iterable[StoreSpec]:  # type: ignore[empty-body]
        """Offer storage backends: repositories of sessions and their records.

        Called:
            Once, by the registry, when the plugin is loaded. One store is used per run: ``storage.use`` chooses it.
        Arguments:
            None.
        Returns:
            A list (or any iterable, also a generator) of StoreSpec. An empty one is allowed.
        If it raises:
            The plugin is left out as a whole. A command that selected it ends with exit code 2 and the error with file and line;
            ``plugins list`` shows it as failed.
        Example:
            return [StoreSpec(name="jsonl", summary="One JSON line per record", build=build)]
        """

    @hookspec
    def flashcrash_session_start(self, session_id: str, mode: str, symbols: tuple[str, ...]) -> None:
        """Hear that a session is composed and about to take its first event.

        Called:
            Once per session, by the launcher, after everything that can be wrong was checked; also when a session is resumed.
            Not for ``detect``, which has no session.
        Arguments:
            session_id: The session's id in the database; "" for a run that stores nothing.
            mode: ``paper``, ``backtest`` or ``real``.
            symbols: The symbols of the run, in the order of its lanes.
        Returns:
            Nothing; a value is ignored.
        If it raises:
            The session goes on, the other plugins are still called, and the report has a warning with plugin, hook and error.
        Example:
            log.append((session_id, mode, symbols))
        """

    @hookspec
    def flashcrash_session_end(self, session_id: str, report: dict[str, Any]) -> None:
        """Hear that a session ended, with its report. Not called when the process is killed or the run fails.

        Called:
            Once per session, by the launcher, after the session was closed in the database: nothing done here can change it.
            Not for ``detect``.
        Arguments:
            session_id: The session's id in the database; "" for a run that stores nothing.
            report: A copy of the document that ``--json`` prints, whose keys ``runtime/report.py`` names. Changing it changes
                nothing.
        Returns:
            Nothing; a value is ignored.
        If it raises:
            The report is kept, the other plugins are still called, and the report has a warning with plugin, hook and error.
        Example:
            Path("last.txt").write_text(f"{session_id} {report['decision_hash']}")
        """

    @hookspec
    def flashcrash_commands(self) -> Iterable[tuple[str, Any]]:  # type: ignore[empty-body]
        """Add commands to the ``flashcrash`` command line.

        Called:
            Once, by the registry, when the plugin is loaded. The command line asks the selected plugins only for a command that is
            not its own, so ``flashcrash --help`` does not list them.
        Arguments:
            None.
        Returns:
            A list (or any iterable) of ``(name, typer app or function)`` pairs. The first plugin to claim a name keeps it. A name
            of two words, as in ``tape fetch``, puts the command below the group ``tape``.
        If it raises:
            The plugin is left out as a whole. A command that selected it ends with exit code 2 and the error with file and line;
            ``plugins list`` shows it as failed.
        Example:
            return [("vpin-table", print_table)]
        """

    @hookspec
    def flashcrash_doctor(self, configs: dict[str, Any], symbols: tuple[str, ...]) -> Iterable[Finding]:  # type: ignore[empty-body]
        """Look whether what this plugin needs outside of the process is there: a network, a service, a device.

        Called:
            By ``flashcrash doctor``, once, with what the command was asked to look at. Take your own part of ``configs``, and give
            nothing when it is not there: ``flashcrash doctor`` alone asks nobody for anything.
        Arguments:
            configs: The settings of the parts that were named, as your configuration classes, by kind and name: with
                ``--feed binance`` there is a ``feeds.binance``.
            symbols: The symbols that were named, upper case; may be empty.
        Returns:
            Any iterable of Finding, also a generator: each step may take its time, and the next ones may hang on it.
        If it raises:
            What it found until then is shown, then a failed check with the error; the other plugins are still called.
        Example:
            return [Finding("my exchange", "ok", "answers in 12 ms")] if "feeds.mine" in configs else []
        """
