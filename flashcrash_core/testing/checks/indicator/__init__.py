"""Checks of an indicator, in the order in which they are run."""

from typing import Final

from flashcrash_core.testing.battery import Check
from flashcrash_core.testing.checks.indicator.bad_input import impossible_numbers_do_not_stay, missing_and_zero_fields
from flashcrash_core.testing.checks.indicator.causality import (
    causality_by_perturbation,
    causality_by_truncation,
    streaming_equals_batch,
)
from flashcrash_core.testing.checks.indicator.compilation import compiled_equals_interpreted
from flashcrash_core.testing.checks.indicator.determinism import (
    determinism_across_builds,
    determinism_across_processes,
    no_io_no_clock,
    snapshot_round_trip,
)
from flashcrash_core.testing.checks.indicator.disturbances import (
    delayed_events,
    duplicated_events,
    reordered_events,
    same_timestamp_events,
)
from flashcrash_core.testing.checks.indicator.interface import configuration_schema, interface
from flashcrash_core.testing.checks.indicator.invariance import scale_invariance, time_shift_invariance
from flashcrash_core.testing.checks.indicator.readiness import (
    declared_needs,
    not_ready_before_warmup,
    ready_after_warmup,
    unusable_book_is_missing,
)
from flashcrash_core.testing.checks.indicator.resources import memory_growth, time_budget
from flashcrash_core.testing.checks.indicator.values import (
    finite_readings,
    hysteresis,
    judgement_is_pure,
    missing_stays_missing,
)

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (
    interface,
    configuration_schema,
    finite_readings,
    determinism_across_builds,
    determinism_across_processes,
    no_io_no_clock,
    snapshot_round_trip,
    streaming_equals_batch,
    compiled_equals_interpreted,
    causality_by_truncation,
    causality_by_perturbation,
    missing_and_zero_fields,
    impossible_numbers_do_not_stay,
    unusable_book_is_missing,
    delayed_events,
    duplicated_events,
    reordered_events,
    same_timestamp_events,
    not_ready_before_warmup,
    ready_after_warmup,
    declared_needs,
    judgement_is_pure,
    hysteresis,
    missing_stays_missing,
    scale_invariance,
    time_shift_invariance,
    memory_growth,
    time_budget,
)
