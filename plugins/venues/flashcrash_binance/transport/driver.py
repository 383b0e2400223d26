"""Drives one feed core on an event loop: carries out its actions, hands in what sockets, REST and time bring.

Nothing is decided here. The core says when to connect, what to ask and when it wants to be called; the driver has the sockets.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from attrs import define

from flashcrash_binance.endpoints import Endpoints
from flashcrash_binance.market_feed.actions import Action, Connect, Disconnect, Fetch
from flashcrash_binance.transport.clock import Clock
from flashcrash_binance.transport.failures import Failure
from flashcrash_binance.transport.interface import WebSocketConnection, WebSocketTransport
from flashcrash_binance.transport.rest import RestClient, Unanswered

__all__ = ["DrivenCore", "FeedDriver"]

_SHORTEST_S: Final = 0.001
_GOODBYE_S: Final = 2.0


class DrivenCore(Protocol):
    """What the driver needs of a core: :class:`flashcrash_binance.market_feed.core.FeedCore`. Times are microseconds."""

    @property
    def next_time_us(self) -> int:
        """When :meth:`on_time` wants to be called."""
        ...

    @property
    def events(self) -> "Sized":
        """What arrived; taken out by somebody else."""
        ...

    @property
    def actions(self) -> "Actions":
        """What is to be done; taken out by the driver."""
        ...

    def start(self, now_us: int) -> None: ...
    def on_open(self, connection: int, now_us: int) -> None: ...
    def on_message(self, connection: int, payload: bytes, now_us: int) -> None: ...
    def on_close(self, connection: int, now_us: int, reason: str) -> None: ...
    def on_answer(self, request: int, status: int, headers: Mapping[str, str], body: bytes, sent_us: int, now_us: int) -> None: ...
    def on_failure(self, request: int, reason: str, now_us: int) -> None: ...
    def on_time(self, now_us: int) -> None: ...


class Sized(Protocol):
    """A container that is empty or not."""

    def __len__(self) -> int: ...


class Actions(Sized, Protocol):
    """A deque of actions."""

    def popleft(self) -> Action: ...


@define(eq=False)
class _Link:
    """One connection of the core: a :class:`~flashcrash_binance.transport.interface.WebSocketHandler`.

    ``socket`` is None while the core backs off.
    """

    driver: "FeedDriver"
    number: int
    url: str
    socket: WebSocketConnection | None = None
    waiting: asyncio.TimerHandle | None = None

    def on_open(self) -> None:
        """Tell the core."""
        driver = self.driver
        driver.opened += 1
        try:
            driver.core.on_open(self.number, driver.clock())
            driver.after()
        except Exception as error:
            driver.on_defect(error)

    def on_message(self, payload: bytes) -> None:
        """Hand the message to the core."""
        driver = self.driver
        try:
            driver.core.on_message(self.number, payload, driver.clock())
            driver.after()
        except Exception as error:
            driver.on_defect(error)

    def on_close(self, code: int, reason: str, failure: Failure | None) -> None:
        """Tell the core, in words."""
        driver = self.driver
        driver.links.pop(self.number, None)
        if failure is not None:
            driver.failed(failure)
        told = failure.what if failure is not None else f"closed with code {code}" + (f" ({reason})" if reason else "")
        try:
            driver.core.on_close(self.number, driver.clock(), told)
            driver.after()
        except Exception as error:
            driver.on_defect(error)


class FeedDriver:
    """Runs one core. ``on_events`` is called after the core put out events, ``on_defect`` with what the core raised.

    ``symbols`` are those that an ``exchangeInfo`` is asked for. Not thread-safe: all calls come on the loop's thread.
    """

    def __init__(
        self,
        core: DrivenCore,
        where: Endpoints,
        transport: WebSocketTransport,
        rest: RestClient,
        clock: Clock,
        loop: asyncio.AbstractEventLoop,
        *,
        on_events: Callable[[], None],
        on_defect: Callable[[BaseException], None],
        on_failure: Callable[[Failure], None] = lambda _failure: None,
        query: Callable[[Fetch], Mapping[str, str | int]],
    ) -> None:
        self.core = core
        self.clock = clock
        self.on_defect = on_defect
        self.links: dict[int, _Link] = {}
        self.opened = 0
        """Connections that were opened so far."""
        self.last_failure: Failure | None = None
        """The newest failure of a connection or a request, for whoever waits in vain."""
        self._where = where
        self._transport = transport
        self._rest = rest
        self._loop = loop
        self._on_events = on_events
        self._on_failure = on_failure
        self._query = query
        self._requests: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._due_us = 2**63
        self._stopped = False

    def start(self) -> None:
        """Start the core."""
        self.core.start(self.clock())
        self.after()

    async def stop(self) -> None:
        """Drop every connection and request; the core is not called any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for number in list(self.links):
            self._disconnect(number)
        for task in self._requests:
            task.cancel()
        if pending := {*self._requests, *self._leaving}:
            await asyncio.wait(pending, timeout=_GOODBYE_S)

    def failed(self, failure: Failure) -> None:
        """Remember a failure."""
        self.last_failure = failure
        self._on_failure(failure)

    def after(self) -> None:
        """To be called after every call into the core: do what it wants."""
        core = self.core
        if core.actions:
            self._act()
        if core.events:
            self._on_events()
        if core.next_time_us < self._due_us:
            self._set_timer()

    # -- actions -----------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        actions = self.core.actions
        while actions and not self._stopped:
            action = actions.popleft()
            if isinstance(action, Connect):
                self._connect(action)
            elif isinstance(action, Disconnect):
                self._disconnect(action.connection)
            else:
                task = self._loop.create_task(self._fetch(action))
                self._requests.add(task)
                task.add_done_callback(self._requests.discard)

    def _connect(self, action: Connect) -> None:
        link = _Link(self, action.connection, self._where.stream_url(action.group, action.streams))
        self.links[action.connection] = link
        wait_s = self._wait_s(action.not_before_us)
        if wait_s > 0:
            link.waiting = self._loop.call_later(wait_s, self._open, link)
        else:
            self._open(link)

    def _open(self, link: _Link) -> None:
        link.waiting = None
        link.socket = self._transport.connect(link.url, link)

    def _disconnect(self, number: int) -> None:
        link = self.links.pop(number, None)
        if link is None:
            return
        if link.waiting is not None:
            link.waiting.cancel()
        if link.socket is not None:
            link.socket.close()
            task = self._loop.create_task(link.socket.wait_closed())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _fetch(self, action: Fetch) -> None:
        wait_s = self._wait_s(action.not_before_us)
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        try:
            try:
                answer = await self._rest.get(self._where.path(action.what), self._query(action))
            except Unanswered as unanswered:
                self.failed(unanswered.failure)
                self.core.on_failure(action.request, unanswered.failure.what, self.clock())
            else:
                self.core.on_answer(action.request, answer.status, answer.headers, answer.body, answer.sent_us, answer.received_us)
            self.after()
        except Exception as error:
            self.on_defect(error)

    # -- time --------------------------------------------------------------------------------------------------------

    def _wait_s(self, not_before_us: int) -> float:
        return (not_before_us - self.clock()) / 1e6 if not_before_us else 0.0

    def _set_timer(self) -> None:
        if self._stopped:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due_us = self.core.next_time_us
        self._timer = self._loop.call_later(max(self._wait_s(self._due_us), _SHORTEST_S), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._due_us = 2**63
        now_us = self.clock()
        if now_us >= self.core.next_time_us:
            self.core.on_time(now_us)
        self.after()
