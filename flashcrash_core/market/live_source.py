"""Base of live sources: an event loop that runs while the runner waits for the next event, in the runner's own thread.

There is no second thread and no queue between threads: :meth:`LiveSource.events` hands out what has arrived, and when there is
nothing left it runs the loop until something comes. Sockets are read in the meantime by the system. A subclass opens its sockets on
:attr:`LiveSource.loop` and calls :meth:`LiveSource.wake` after it put events into :attr:`LiveSource.arrived`.
"""

import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from flashcrash_core.errors import VenueError
from flashcrash_core.market.events import BestQuote, BookDelta, MarketEvent, Trade
from flashcrash_core.market.feed import SourceInfo

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["LiveSource"]

T = TypeVar("T")

_WAKE_S: Final = 0.1
"""The loop comes back at least so often, so that a closed source is noticed."""
_CLOSE_S: Final = 5.0
"""How long :meth:`LiveSource.end` may take."""
_OF_THE_STREAMS: Final = frozenset({Trade, BookDelta, BestQuote})
"""A snapshot is an answer to a question, and says nothing of whether the streams speak."""


class LiveSource(ABC):
    """A source of a running market. ``first_event_s`` is how long the market may take to say its first word.

    The calls of a source come from one thread at a time. :meth:`close` may come from another one.
    """

    def __init__(self, *, first_event_s: float) -> None:
        import asyncio  # here and not above: most runs read files, and start sooner without it

        self.loop: AbstractEventLoop = asyncio.new_event_loop()
        self.loop.set_exception_handler(self._on_loop_error)
        self.arrived: deque[MarketEvent] = deque()
        """Events that wait to be handed out. A subclass may put a deque of its own in its place before the first event."""
        self.wanted: Callable[[], bool] = lambda: True
        """Asked now and then while nothing arrives: False ends the events. So Ctrl-C is heard in a market that is silent."""
        self._first_event_s = first_event_s
        self._fault: BaseException | None = None
        self._closing = False
        self._listening = False
        """The loop runs to hear something: the only time at which :meth:`wake` may stop it."""
        self._turning = threading.Lock()

    # -- for subclasses ----------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def info(self) -> SourceInfo:
        """Known before the first event."""
        ...

    @abstractmethod
    def begin(self) -> None:
        """Open what delivers events. Called once, when the first event is asked for; returns at once."""
        ...

    @abstractmethod
    async def end(self) -> None:
        """Close everything that was opened; may be called before :meth:`begin`, and once only."""
        ...

    @abstractmethod
    def silence(self) -> str:
        """Why the market may have said nothing yet, and what to do, for the error that ends the run."""
        ...

    def wake(self) -> None:
        """Let :meth:`events` go on: something arrived."""
        if self._listening:
            self.loop.stop()

    def fail(self, error: BaseException) -> None:
        """End the events with ``error``, after what has arrived. Only the first one counts."""
        if self._fault is None:
            self._fault = error
        self.wake()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` gives: for what has to be known before the first event."""
        with self._turning:
            return self.loop.run_until_complete(work)

    # -- a source ----------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[MarketEvent]:
        """What arrives, in the order of arrival, until the source is closed, fails or is not wanted any more. Raises VenueError.

        Nothing is handed out before the streams have said a word; then everything is, from the beginning.
        """
        if self._closing:
            return
        self.begin()
        self._await_market()
        while not self._closing:
            arrived = self.arrived
            while arrived:
                yield arrived.popleft()
                if self._closing:
                    return
            if self._fault is not None:
                raise self._fault
            self._turn()
            if not self.arrived and not self.wanted():
                return

    def progress(self) -> float | None:
        """A live market has no end."""
        return None

    def close(self) -> None:
        """End the events, and close loop and sockets; idempotent."""
        self._closing = True
        if not self.loop.is_closed() and self.loop.is_running():  # another thread waits for an event
            self.loop.call_soon_threadsafe(self.wake)
        with self._turning:
            if self.loop.is_closed():
                return
            try:
                self.loop.run_until_complete(self._wind_up())
            finally:
                self.loop.close()
                self.arrived.clear()

    # -- within ------------------------------------------------------------------------------------------------------

    def _await_market(self) -> None:
        """Run the loop until the streams say something. Raises VenueError when they do not."""
        deadline = self.loop.time() + self._first_event_s
        while not self._closing:
            if any(type(event) in _OF_THE_STREAMS for event in self.arrived):
                return
            if self._fault is not None:
                raise self._fault
            if self.loop.time() > deadline:
                raise VenueError(f"no event within {self._first_event_s:g} s; {self.silence()}")
            self._turn()

    def _turn(self) -> None:
        """Run the loop until something arrives, and not for long."""
        with self._turning:
            if self.loop.is_closed():
                return
            limit = self.loop.call_later(_WAKE_S, self.wake)
            self._listening = True
            try:
                self.loop.run_forever()
            finally:
                self._listening = False
                limit.cancel()

    async def _wind_up(self) -> None:
        import asyncio

        with suppress(TimeoutError):  # what is left is cancelled below and goes with the loop
            await asyncio.wait_for(self.end(), _CLOSE_S)
        own = asyncio.current_task()
        left = [task for task in asyncio.all_tasks() if task is not own]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_CLOSE_S)
        await self.loop.shutdown_asyncgens()
        await self.loop.shutdown_default_executor()

    def _on_loop_error(self, _loop: "AbstractEventLoop", context: dict[str, Any]) -> None:
        """What a callback or a task raised is a defect: it ends the run. A socket that failed tells its own protocol."""
        error = context.get("exception")
        if error is None:
            self.fail(RuntimeError(str(context.get("message"))))
        elif not isinstance(error, OSError):
            self.fail(error)
