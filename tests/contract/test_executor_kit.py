"""The executor battery itself: whom it sends orders to, and that its tapes and scripts reach what the checks are about."""

import re
from typing import Any

import pytest
from attrs import frozen
from contract.planted import sound_base
from contract.planted_base import executor as sound

from flashcrash_core.api import STOP_TYPES, ExecutorContext, ExecutorSpec, OrderType, PluginInfo, Side, UsageError, hookimpl
from flashcrash_core.testing import QUICK, CheckResult, Outcome, check_executor, is_proven
from flashcrash_core.testing.checks.executor.desk import Run
from flashcrash_core.testing.checks.executor.runs import exit_runs, order_runs
from flashcrash_core.testing.subject import find_subjects
from flashcrash_core.testing.tapes import Facts, tape


class RealPlugin:
    """An executor that reaches a venue as soon as it is built for a real run; the small one otherwise."""

    flashcrash_plugin = PluginInfo(api=1, summary="Sends orders for real")

    def __init__(self, *modes: str) -> None:
        self.modes = frozenset(modes)
        self.built: list[str] = []

    @hookimpl
    def flashcrash_executors(self) -> list[ExecutorSpec]:
        def build(config: Endpoint, context: ExecutorContext) -> Any:
            self.built.append(context.mode)
            return sound.SmallExecutor(sound.Config(), context)

        return [ExecutorSpec(name="live", summary="live", config=Endpoint, build=build, modes=self.modes, idle_blind=True)]


@frozen
class Endpoint:
    """Where the venue is."""

    url: str = "wss://venue.invalid/ws"
    rest_url: str = ""


def runs(which: Any) -> list[Run]:
    return which(find_subjects(str(sound_base("executor")), kind="executor", effort=QUICK)[0])


def by_outcome(rows: list[CheckResult], outcome: Outcome) -> dict[str, str]:
    return {row.check: row.message for row in rows if row.outcome is outcome}


def test_an_executor_for_real_runs_alone_is_never_built() -> None:
    """Of an executor of real runs the descriptor alone is checked: no order, no connection; the rest says why not."""
    plugin = RealPlugin("real")
    rows = check_executor(plugin, effort=QUICK)
    assert plugin.built == []
    assert by_outcome(rows, Outcome.PASSED).keys() == {"interface", "configuration_schema"}
    skipped = by_outcome(rows, Outcome.SKIPPED)
    assert len(skipped) == len(rows) - 2
    assert all("serves real runs only" in message for message in skipped.values())
    assert not is_proven(rows)


def test_an_executor_of_paper_and_real_runs_is_played_in_paper_mode() -> None:
    """An executor that also serves real runs goes through the battery, and is told each time that the run is a paper one."""
    plugin = RealPlugin("real", "paper")
    rows = check_executor(plugin, effort=QUICK)
    assert set(plugin.built) == {"paper"}
    assert by_outcome(rows, Outcome.FAILED) == {}
    assert by_outcome(rows, Outcome.SKIPPED).keys() == {"determinism_across_processes", "no_io_no_clock"}, "given as an object"
    assert is_proven(rows)


def test_an_executor_for_real_runs_is_played_at_a_local_endpoint_that_its_author_names() -> None:
    """With a local endpoint orders are sent, with its settings and in real mode; what an exchange cannot repeat is left out."""
    plugin = RealPlugin("real")
    rows = check_executor(plugin, effort=QUICK, local_endpoint={"url": "ws://127.0.0.1:9/ws"})
    assert set(plugin.built) == {"real"}
    assert by_outcome(rows, Outcome.FAILED) == {}
    skipped = by_outcome(rows, Outcome.SKIPPED)
    assert skipped.keys() == {
        "determinism_across_builds",
        "determinism_across_processes",
        "snapshot_round_trip",
        "no_io_no_clock",
        "idle_blind_as_declared",
    }
    assert is_proven(rows)


@pytest.mark.parametrize(
    ("config", "endpoint", "told"),
    [
        ({}, {"url": "wss://stream.example.com/ws"}, "local_endpoint.url"),
        ({}, {"url": "ws://127.0.0.1.example.com/ws"}, "local_endpoint.url"),
        ({}, {}, "url is 'wss://venue.invalid/ws'"),
        ({"rest_url": "https://api.example.com"}, {"url": "ws://localhost:9"}, "rest_url"),
    ],
)
def test_an_endpoint_that_is_not_on_this_machine_is_refused(config: Any, endpoint: Any, told: str) -> None:
    """Every address must be a loopback one, those of config and of the defaults as well; nothing is built before that is known."""
    plugin = RealPlugin("real")
    with pytest.raises(UsageError, match=re.escape(told)):
        check_executor(plugin, effort=QUICK, config=config, local_endpoint=endpoint)
    assert plugin.built == []


def test_a_local_endpoint_for_what_reaches_nothing_is_refused() -> None:
    """An endpoint for an executor that serves simulated runs would never be used, and is a mistake."""
    with pytest.raises(UsageError, match="reaches no venue"):
        check_executor(RealPlugin("paper"), effort=QUICK, local_endpoint={"url": "ws://[::1]:9"})


def test_every_type_of_order_is_sent_on_both_sides_calm_and_stressed() -> None:
    """The calm tape alone sees all eight combinations of type and side, calm and stressed orders, partial fills and cancels.

    Stops and fill-or-kill orders are a venue's to offer; no simulated one has to.
    """
    run = next(run for run in runs(order_runs) if run.calm)
    offered = set(OrderType) - STOP_TYPES - {OrderType.LIMIT_FOK}
    assert {(order.type, order.side) for order in run.orders.values()} == {(kind, side) for kind in offered for side in Side}
    assert {order.stressed for order in run.orders.values()} == {True, False}
    assert {order.reduce_only for order in run.orders.values() if order.side is Side.SELL} == {True}
    assert len(run.cancels) > 5
    fills = [order.client_id for order, _ in run.fills()]
    assert any(fills.count(client_id) > 1 for client_id in fills)


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("empty_book", lambda facts: [facts.one_sided, facts.empty]),
        ("gap", lambda facts: list(facts.gaps)),
        ("single_venue_wick", lambda facts: [(facts.fall_us, facts.rebound_us)]),
    ],
)
def test_exits_are_sent_while_the_market_is_in_trouble(name: str, spans: Any) -> None:
    """Reduce-only orders are decided in every troubled span of the tapes, so that a venue that refuses them there is seen."""
    run = next(run for run in runs(exit_runs) if run.tape == name)
    facts: Facts = tape(name, seconds=50).facts
    decided = [order.decided_us for order in run.orders.values() if order.reduce_only]
    for start_us, end_us in spans(facts):
        assert [at_us for at_us in decided if start_us <= at_us < end_us], f"{name}: no exit between {start_us} and {end_us}"
