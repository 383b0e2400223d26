"""Public test support for plugin authors: contracts, checks, tapes, rows, and a harness around a whole session.

The contract classes need pytest and are imported when they are first asked for; all else works without it.
"""

from typing import TYPE_CHECKING, Any

from flashcrash_core.testing.battery import (
    QUICK,
    STANDARD,
    THOROUGH,
    Check,
    CheckFailure,
    CheckResult,
    Effort,
    Outcome,
    battery_of,
    run_battery,
)
from flashcrash_core.testing.clock import ManualClock
from flashcrash_core.testing.conformance import (
    check_executor,
    check_feed,
    check_indicator,
    check_plugin,
    check_scorer,
    check_store,
    check_strategy,
)
from flashcrash_core.testing.harness import PluginHarness
from flashcrash_core.testing.row_readings import RowReading
from flashcrash_core.testing.rows import EPOCH_US, ROWS_PER_SECOND, RowBar, drive, make_rows, row, rows_of
from flashcrash_core.testing.subject import Subject, find_subjects
from flashcrash_core.testing.tapes import TAPES, Facts, Tape, feature_rows, tape

if TYPE_CHECKING:
    from flashcrash_core.testing.contracts import (
        ExecutorContract,
        FeedContract,
        IndicatorContract,
        PluginContract,
        ScorerContract,
        StoreContract,
        StrategyContract,
    )

__all__ = [
    "EPOCH_US",
    "QUICK",
    "ROWS_PER_SECOND",
    "STANDARD",
    "TAPES",
    "THOROUGH",
    "Check",
    "CheckFailure",
    "CheckResult",
    "Effort",
    "ExecutorContract",
    "Facts",
    "FeedContract",
    "IndicatorContract",
    "ManualClock",
    "Outcome",
    "PluginContract",
    "PluginHarness",
    "RowBar",
    "RowReading",
    "ScorerContract",
    "StoreContract",
    "StrategyContract",
    "Subject",
    "Tape",
    "battery_of",
    "check_executor",
    "check_feed",
    "check_indicator",
    "check_plugin",
    "check_scorer",
    "check_store",
    "check_strategy",
    "drive",
    "feature_rows",
    "find_subjects",
    "make_rows",
    "row",
    "rows_of",
    "run_battery",
    "tape",
]


def __getattr__(name: str) -> Any:
    if name.endswith("Contract") and name in __all__:
        from flashcrash_core.testing import contracts

        return getattr(contracts, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
