"""Checks of a feed, in the order in which they are run."""

from typing import Final

from flashcrash_core.testing.battery import Check
from flashcrash_core.testing.checks.feed.events import (
    events_are_as_announced,
    events_are_in_order,
    events_are_legal,
    events_bear_given_numbers,
    trades_come_once,
)
from flashcrash_core.testing.checks.feed.faulty_files import (
    broken_line_is_told,
    foreign_file_is_refused,
    gap_is_told,
    truncated_file_is_told,
    unreadable_file_is_refused,
)
from flashcrash_core.testing.checks.feed.interface import configuration_schema, info, interface
from flashcrash_core.testing.checks.feed.recognition import opens_asks_for_nothing, recognises_its_files
from flashcrash_core.testing.checks.feed.release import (
    close_ends_the_events,
    leaves_nothing_open,
    memory_is_bounded,
    progress_is_a_fraction,
)
from flashcrash_core.testing.checks.feed.reproduction import (
    asks_for_no_clock_and_no_chance,
    reproducible,
    reproducible_across_processes,
)
from flashcrash_core.testing.checks.feed.symbols import symbols_are_filtered, unknown_symbol_is_refused

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (
    interface,
    configuration_schema,
    recognises_its_files,
    opens_asks_for_nothing,
    info,
    events_are_legal,
    events_are_as_announced,
    events_bear_given_numbers,
    events_are_in_order,
    trades_come_once,
    reproducible,
    reproducible_across_processes,
    asks_for_no_clock_and_no_chance,
    symbols_are_filtered,
    unknown_symbol_is_refused,
    gap_is_told,
    broken_line_is_told,
    truncated_file_is_told,
    unreadable_file_is_refused,
    foreign_file_is_refused,
    close_ends_the_events,
    leaves_nothing_open,
    progress_is_a_fraction,
    memory_is_bounded,
)
