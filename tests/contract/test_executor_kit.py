"""The executor battery itself: whom it sends orders to, and that its tapes and scripts reach what the checks are about."""

from typing import Any

import pytest
from contract.planted import sound_base

from flashcrash_core.api import ExecutorSpec, OrderType, PluginInfo, Side, hookimpl
from flashcrash_core.testing import QUICK, Outcome, check_executor
from flashcrash_core.testing.checks.executor.desk import Run
from flashcrash_core.testing.checks.executor.runs import exit_runs, order_runs
from flashcrash_core.testing.subject import find_subjects
from flashcrash_core.testing.tapes import Facts, tape


class RealPlugin:
    """An executor that reaches a venue as soon as it is built."""

    flashcrash_plugin = PluginInfo(api=1, summary="Sends orders for real")
    built = 0

    @hookimpl
    def flashcrash_executors(self) -> list[ExecutorSpec]:
        def build(_config: Any, _context: Any) -> Any:
            self.built += 1
            raise AssertionError("connected")

        return [ExecutorSpec(name="live", summary="live", build=build, modes=frozenset({"real", "paper"}))]


def runs(which: Any) -> list[Run]:
    return which(find_subjects(str(sound_base("executor")), kind="executor", effort=QUICK)[0])


def test_an_executor_for_real_runs_is_never_built() -> None:
    """Of an executor that may serve real runs only the descriptor is checked: no order, no connection; the rest says why not."""
    plugin = RealPlugin()
    rows = {row.check: row for row in check_executor(plugin, effort=QUICK)}
    assert plugin.built == 0
    assert {name for name, row in rows.items() if row.outcome is Outcome.PASSED} == {"interface", "configuration_schema"}
    skipped = [row.message for row in rows.values() if row.outcome is not Outcome.PASSED]
    assert len(skipped) == len(rows) - 2
    assert all("may serve real runs" in message for message in skipped)


def test_every_type_of_order_is_sent_on_both_sides_calm_and_stressed() -> None:
    """The calm tape alone sees all eight combinations of type and side, calm and stressed orders, partial fills and cancels."""
    run = next(run for run in runs(order_runs) if run.calm)
    assert {(order.type, order.side) for order in run.orders.values()} == {(kind, side) for kind in OrderType for side in Side}
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
