"""Checks of a store, in the order in which they are run."""

from typing import Final

from flashcrash_core.testing.battery import Check
from flashcrash_core.testing.checks.store.interface import configuration_schema, interface
from flashcrash_core.testing.checks.store.locations import (
    newer_version_is_refused,
    old_versions_are_read,
    unusable_location_is_refused,
)
from flashcrash_core.testing.checks.store.processes import (
    commits_survive_a_kill,
    killed_session_is_crashed,
    open_batch_is_whole_or_absent,
    reader_in_a_thread,
    reader_in_another_process,
)
from flashcrash_core.testing.checks.store.sessions import (
    begin_twice_is_refused,
    close_commits_and_may_be_repeated,
    ended_session_keeps_its_end,
    prefix_finds_one_session,
    reopened_session_goes_on,
    sessions_come_back_as_written,
    sessions_come_newest_first,
    unknown_session_names_the_nearest,
    use_after_close_is_refused,
)
from flashcrash_core.testing.checks.store.snapshots import few_snapshots_are_kept, newest_snapshot_wins
from flashcrash_core.testing.checks.store.writing import (
    inputs_not_mutated,
    records_come_back_as_written,
    records_come_in_order_of_seq,
    refused_batch_leaves_nothing,
    sessions_do_not_mix,
)

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (
    interface,
    configuration_schema,
    records_come_back_as_written,
    records_come_in_order_of_seq,
    sessions_do_not_mix,
    refused_batch_leaves_nothing,
    inputs_not_mutated,
    sessions_come_back_as_written,
    begin_twice_is_refused,
    unknown_session_names_the_nearest,
    prefix_finds_one_session,
    sessions_come_newest_first,
    ended_session_keeps_its_end,
    reopened_session_goes_on,
    close_commits_and_may_be_repeated,
    use_after_close_is_refused,
    newest_snapshot_wins,
    few_snapshots_are_kept,
    unusable_location_is_refused,
    old_versions_are_read,
    newer_version_is_refused,
    reader_in_a_thread,
    reader_in_another_process,
    commits_survive_a_kill,
    open_batch_is_whole_or_absent,
    killed_session_is_crashed,
)
