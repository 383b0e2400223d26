"""Checks of a strategy, in the order in which they are run."""

from typing import Final

from flashcrash_core.testing.battery import Check
from flashcrash_core.testing.checks.strategy.determinism import (
    determinism_across_builds,
    determinism_across_processes,
    does_not_keep_the_moment,
    inputs_not_mutated,
    no_io_no_clock,
    same_state_same_intents,
    snapshot_round_trip,
)
from flashcrash_core.testing.checks.strategy.entries import (
    entries_well_formed,
    entries_within_cash,
    no_entry_while_blocked,
)
from flashcrash_core.testing.checks.strategy.hostility import (
    survives_bursts,
    survives_hostile_bars,
    survives_the_first_moment,
    survives_unfilled_entries,
)
from flashcrash_core.testing.checks.strategy.interface import (
    configuration_schema,
    gives_intents,
    interface,
)
from flashcrash_core.testing.checks.strategy.leaving import (
    leaves_after_an_empty_book,
    leaves_after_setbacks,
    leaves_in_a_fall,
    leaves_in_every_state,
    leaves_in_time,
    leaves_on_stale_data,
    leaves_under_every_block,
    leaves_unknown_positions,
    leaves_without_a_book,
    leaves_without_a_score,
    leaves_without_readings,
)
from flashcrash_core.testing.checks.strategy.memory_of_bars import bar_memory_is_enough
from flashcrash_core.testing.checks.strategy.orders import (
    cancels_own_orders,
    exits_well_formed,
    no_order_storm,
)
from flashcrash_core.testing.checks.strategy.resources import (
    memory_growth,
    time_budget,
)

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (
    interface,
    configuration_schema,
    gives_intents,
    entries_well_formed,
    entries_within_cash,
    no_entry_while_blocked,
    exits_well_formed,
    cancels_own_orders,
    no_order_storm,
    leaves_in_time,
    leaves_in_a_fall,
    leaves_in_every_state,
    leaves_under_every_block,
    leaves_without_readings,
    leaves_without_a_score,
    leaves_without_a_book,
    leaves_after_an_empty_book,
    leaves_on_stale_data,
    leaves_unknown_positions,
    leaves_after_setbacks,
    survives_hostile_bars,
    survives_the_first_moment,
    survives_bursts,
    survives_unfilled_entries,
    same_state_same_intents,
    does_not_keep_the_moment,
    determinism_across_builds,
    determinism_across_processes,
    no_io_no_clock,
    inputs_not_mutated,
    snapshot_round_trip,
    bar_memory_is_enough,
    memory_growth,
    time_budget,
)
