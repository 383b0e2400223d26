"""The end of a run at a real venue: no entry order is left behind, and what the venue still says is heard.

Positions are not sold: whether to is the user's to say. The report tells what is held.
"""

import time
from collections.abc import Callable
from typing import Final

from flashcrash_core.runtime.executor_guard import ExecutorGuard
from flashcrash_core.runtime.session import Session

__all__ = ["leave_venue"]

PATIENCE_S: Final = 5.0
"""How long the venue's answers are waited for."""
_STEP_S: Final = 0.01


def leave_venue(session: Session, guard: ExecutorGuard, settle: Callable[[], None]) -> None:
    """Cancel open entries and take notices until none is open, or patience ends. ``settle`` stores and carries out."""
    session.block_entries("run_ended")  # an answer to a cancel is an event, and the strategy is asked at each event
    session.cancel_entries("run_ended")
    settle()
    deadline = time.monotonic() + PATIENCE_S
    while session.open_entries and not guard.count.quarantined:
        for notice in guard.due(session.now_us):
            session.on_event(notice)
            settle()
        if time.monotonic() > deadline:
            names = ", ".join(session.open_entries)
            session.audit("left_behind", f"the venue did not say in {PATIENCE_S:.0f} s what became of {names}; look there")
            settle()
            return
        time.sleep(_STEP_S)
