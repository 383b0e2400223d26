"""Checks of an executor, in the order in which they are run."""

from typing import Final

from flashcrash_core.testing.battery import Check
from flashcrash_core.testing.checks.executor.commands import (
    cancel_is_idempotent,
    commands_never_block,
    commands_never_raise,
    unknown_symbol_is_refused,
)
from flashcrash_core.testing.checks.executor.idleness import idle_blind_as_declared
from flashcrash_core.testing.checks.executor.interface import configuration_schema, interface
from flashcrash_core.testing.checks.executor.notices import (
    due_never_delivers_the_future,
    notices_come_once_and_in_order,
    notices_keep_time,
    notices_name_own_orders,
    order_states_are_legal,
    pending_says_what_is_owed,
)
from flashcrash_core.testing.checks.executor.orders import (
    cancelled_orders_end,
    fees_follow_the_schedule,
    fills_keep_the_limit,
    fills_keep_the_quantity,
    immediate_orders_end_at_once,
    post_only_never_takes,
    reduce_only_is_accepted,
)
from flashcrash_core.testing.checks.executor.replay import (
    determinism_across_builds,
    determinism_across_processes,
    inputs_not_mutated,
    no_io_no_clock,
    snapshot_round_trip,
)
from flashcrash_core.testing.checks.executor.resources import memory_growth, time_budget

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (
    interface,
    configuration_schema,
    commands_never_raise,
    commands_never_block,
    unknown_symbol_is_refused,
    order_states_are_legal,
    notices_name_own_orders,
    notices_keep_time,
    due_never_delivers_the_future,
    notices_come_once_and_in_order,
    pending_says_what_is_owed,
    fills_keep_the_quantity,
    fills_keep_the_limit,
    post_only_never_takes,
    immediate_orders_end_at_once,
    fees_follow_the_schedule,
    cancelled_orders_end,
    cancel_is_idempotent,
    reduce_only_is_accepted,
    determinism_across_builds,
    determinism_across_processes,
    snapshot_round_trip,
    inputs_not_mutated,
    no_io_no_clock,
    idle_blind_as_declared,
    memory_growth,
    time_budget,
)
