"""Checks of a scorer, in the order in which they are run."""

from typing import Final

from flashcrash_core.testing.battery import Check
from flashcrash_core.testing.checks.scorer.interface import (
    components_and_relief_finite,
    configuration_schema,
    interface,
    score_fields,
    total_in_range,
)
from flashcrash_core.testing.checks.scorer.missing import (
    panel_order_does_not_count,
    survives_missing_readings,
    survives_missing_statistics,
    survives_other_panels,
    survives_senseless_orders,
    survives_short_history,
)
from flashcrash_core.testing.checks.scorer.purity import (
    context_not_mutated,
    determinism_across_builds,
    determinism_across_processes,
    no_io_no_clock,
    same_context_same_score,
)
from flashcrash_core.testing.checks.scorer.research import research_variant, shortfall_sentence
from flashcrash_core.testing.checks.scorer.resources import memory_growth, time_budget

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (
    interface,
    configuration_schema,
    total_in_range,
    components_and_relief_finite,
    score_fields,
    same_context_same_score,
    determinism_across_builds,
    determinism_across_processes,
    no_io_no_clock,
    context_not_mutated,
    survives_missing_readings,
    survives_missing_statistics,
    survives_short_history,
    survives_other_panels,
    survives_senseless_orders,
    panel_order_does_not_count,
    research_variant,
    shortfall_sentence,
    memory_growth,
    time_budget,
)
