"""The executor's connection to its venue, for as long as a run lasts."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from flashcrash_core.detection.containment import describe, let_interrupt_pass
from flashcrash_core.errors import FlashcrashError, VenueError
from flashcrash_core.trading.execution import Executor, VenueExecutor
from flashcrash_core.trading.orders import Order

__all__ = ["at_the_venue", "executor_health"]


@contextmanager
def at_the_venue(executor: Executor | None, orders: Iterable[Order] = ()) -> Iterator[Sequence[str]]:
    """Open an executor that has a venue, and close it in the end. Gives what it proved, in lines. ``orders`` are taken up.

    Raises what it raises when no order must be sent, and VenueError for anything that is not the product's own.
    """
    if not isinstance(executor, VenueExecutor):
        yield ()
        return
    try:
        try:
            proved = tuple(map(str, executor.open(tuple(orders))))
        except FlashcrashError:
            raise
        except BaseException as error:
            let_interrupt_pass(error)
            raise VenueError(f"the executor could not be opened: {describe(error)[1]}; no order was sent") from error
        yield proved
    finally:
        executor.close()


def executor_health(executor: Executor | None) -> dict[str, Any] | None:
    """How the executor's connection is doing, for the report; None where it has none. What it raises is told in its place."""
    if not isinstance(executor, VenueExecutor):
        return None
    try:
        return dict(executor.health())
    except BaseException as error:
        let_interrupt_pass(error)
        return {"error": f"the executor could not tell its health: {describe(error)[1]}"}
