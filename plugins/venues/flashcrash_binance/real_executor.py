"""The executor of real orders: a gateway and its driver on a loop in a thread of their own.

The run's thread hands commands over and fetches notices; it never waits for the venue. What the I/O thread raises is kept and
raised on the run's thread, where the kernel's guard books it.
"""

import asyncio
import hmac
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from flashcrash_binance.order_gateway.account_checks import external_orders, look_at_account
from flashcrash_binance.order_gateway.actions import GatewaySettings
from flashcrash_binance.order_gateway.config import BinanceOrdersConfig, arming_token
from flashcrash_binance.order_gateway.driver import GatewayDriver
from flashcrash_binance.order_gateway.gateway import OrderGateway
from flashcrash_binance.trading.credentials import load_credentials
from flashcrash_binance.trading.signing import Signer
from flashcrash_binance.transport.clock import steady_clock
from flashcrash_binance.transport.interface import transport_named
from flashcrash_binance.transport.rest import RestClient
from flashcrash_core.api import (
    CancelOrder,
    ExecutorContext,
    MarketEvent,
    NoticeKind,
    Order,
    SubmitOrder,
    UsageError,
    VenueError,
    VenueNotice,
)

__all__ = ["RealExecutor"]

_OPEN_S: Final = 30.0
_CLOSE_S: Final = 5.0


@frozen
class _Told:
    kind: NoticeKind
    client_id: str
    venue_us: int
    fields: dict[str, Any]


class RealExecutor:
    """Sends orders to Binance spot. See :class:`flashcrash_core.api.VenueExecutor`."""

    def __init__(self, config: BinanceOrdersConfig, context: ExecutorContext) -> None:
        self._config = config
        self._context = context
        self._url = config.ws_api_url
        self._symbols: dict[str, str] = {}
        """Client id to symbol, of orders that were handed over."""
        self._told: deque[_Told] = deque()
        self._failure: BaseException | None = None
        self._gateway: OrderGateway | None = None
        self._driver: GatewayDriver | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # -- a VenueExecutor ---------------------------------------------------------------------------------------------

    def open(self, orders: Sequence[Order]) -> Sequence[str]:
        """Arm, look at the account, connect, and listen. Raises UsageError, CredentialError, VenueError."""
        symbols = tuple(self._context.markets)
        if self._config.is_real_money:
            self._require_armed(symbols)
        key_file = Path(self._config.key_file).expanduser() if self._config.key_file else None
        signer = load_credentials(environment=os.environ, file=key_file, keyring_service=self._config.keyring)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="orders", daemon=True)
        self._thread.start()
        try:
            return asyncio.run_coroutine_threadsafe(self._open(signer, orders), self._loop).result(_OPEN_S + _CLOSE_S)
        except TimeoutError:
            raise VenueError(f"{self._url}: the account could not be looked at within {_OPEN_S:.0f} s") from None

    def close(self) -> None:
        """Drop the connection. Orders at the venue stay as they are."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = None
        if self._driver is not None:
            asyncio.run_coroutine_threadsafe(self._driver.stop(), loop).result(_CLOSE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_CLOSE_S)
        loop.close()

    def health(self) -> dict[str, Any]:
        """Counts, latencies and what is of unknown fate."""
        gateway, driver = self._gateway, self._driver
        if gateway is None or driver is None:
            return {}
        after = sorted(driver.sent_after_ns)
        settled = sorted(gateway.resolution_us)
        return {
            "connected": gateway.connected,
            "listening": gateway.listening,
            "halted": gateway.halt,
            "counts": dict(sorted(gateway.counts.items())),
            "orders_open": len(gateway.orders),
            "orders_unknown": sum(one.unknown_since_us is not None for one in list(gateway.orders.values())),
            "external_orders": len(gateway.external),
            "clock_offset_ms": round(gateway.clock_offset_us / 1e3, 1),
            "sent_after_p50_us": round(after[len(after) // 2] / 1e3, 1) if after else None,
            "sent_after_p99_us": round(after[len(after) * 99 // 100] / 1e3, 1) if after else None,
            "unknown_longest_s": round(settled[-1] / 1e6, 3) if settled else None,
            "last_failure": "" if driver.last_failure is None else driver.last_failure.what,
        }

    # -- an Executor -------------------------------------------------------------------------------------------------

    def submit(self, order: SubmitOrder) -> None:
        """Hand an order to the I/O thread."""
        loop, driver = self._loop, self._driver
        if loop is None or driver is None:
            raise VenueError(f"order {order.client_id}: the executor is not open")
        self._symbols[order.client_id] = order.symbol
        loop.call_soon_threadsafe(driver.submit, order, time.perf_counter_ns())

    def cancel(self, cancel: CancelOrder) -> None:
        """Hand a cancel to the I/O thread."""
        loop, driver = self._loop, self._driver
        if loop is None or driver is None:
            raise VenueError(f"cancel of {cancel.client_id}: the executor is not open")
        loop.call_soon_threadsafe(driver.cancel, cancel)

    def on_market(self, event: MarketEvent, now_us: int) -> None:
        """The venue has the market; nothing here depends on it."""

    def pending(self) -> bool:
        """Whether notices wait, or something went wrong that must be told."""
        return bool(self._told) or self._failure is not None or bool(self._gateway is not None and self._gateway.halt)

    def due(self, now_us: int) -> list[VenueNotice]:
        """What arrived. Raises what the I/O thread raised, and VenueError where nothing more can be known."""
        notices = []
        told, context = self._told, self._context
        while told:
            one = told.popleft()
            symbol = self._symbols[one.client_id]
            notices.append(
                VenueNotice(
                    symbol, context.next_seq(), min(one.venue_us, now_us), now_us, one.kind, one.client_id, **one.fields
                )
            )  # fmt: skip
        if notices:
            return notices  # what is known comes first
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._gateway is not None:
            self._gateway.raise_if_halted()
        return notices

    def snapshot(self) -> dict[str, Any]:
        """Nothing: what is open is in the store and at the venue, and is asked for anew."""
        return {}

    def restore(self, data: dict[str, Any]) -> None:
        """Nothing to take back."""

    # -- the I/O thread ----------------------------------------------------------------------------------------------

    async def _open(self, signer: Signer, orders: Sequence[Order]) -> tuple[str, ...]:
        config, clock = self._config, steady_clock()
        instruments = {symbol: view.instrument for symbol, view in self._context.markets.items()}
        loop = asyncio.get_running_loop()
        rest = RestClient(config.rest_base, clock)
        try:
            async with asyncio.timeout(_OPEN_S):
                checked = await look_at_account(
                    rest,
                    signer,
                    clock,
                    instruments,
                    ws=self._url,
                    recv_window_ms=config.recv_window_ms,
                    has_rights_page=config.is_real_money or bool(config.rest),
                    needs_cash=not orders,
                )
        except TimeoutError:
            raise VenueError(f"{config.rest_base}: the account could not be looked at within {_OPEN_S:.0f} s") from None
        finally:
            await rest.close()
        settings = attrs.evolve(
            GatewaySettings(), recv_window_ms=config.recv_window_ms, reconcile_us=round(config.reconcile_s * 1e6)
        )
        gateway = self._gateway = OrderGateway(instruments, checked.bases, settings, self._tell)
        gateway.clock_offset_us = checked.clock_offset_us
        for order in orders:
            self._symbols[order.submit.client_id] = order.submit.symbol
            gateway.take_up(order, clock())
        transport = transport_named(config.transport, loop)  # type: ignore[arg-type]
        driver = self._driver = GatewayDriver(gateway, signer, self._url, transport, clock, loop, on_defect=self._on_defect)
        driver.start()
        deadline = loop.time() + _OPEN_S
        while not (gateway.listening and gateway.counts["reconciled"]) and not gateway.halt:
            if loop.time() > deadline or self._failure is not None:
                why = self._failure or driver.last_failure or driver.last_reconnect or "the account stream does not answer"
                raise VenueError(f"{self._url}: {why}")
            await asyncio.sleep(0.01)
        gateway.raise_if_halted()
        return (*checked.proved, *external_orders(gateway.external))

    def _tell(self, kind: NoticeKind, client_id: str, venue_us: int, **fields: Any) -> None:
        self._told.append(_Told(kind, client_id, venue_us, fields))

    def _on_defect(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error

    def _require_armed(self, symbols: tuple[str, ...]) -> None:
        today = f"{datetime.now(UTC):%Y-%m-%d}"
        token = arming_token(self._config, symbols, today)
        if not hmac.compare_digest(self._context.arming.encode(), token.encode()):
            given = "is not today's for this venue and these symbols" if self._context.arming else "is missing"
            raise UsageError(
                f"--arm {given}: this start would trade real money at {self._config.rest_base} in {', '.join(symbols)}. If that is "
                f"what you want, repeat the command with --arm {token}"
            )
        raise UsageError(
            "orders at the live market are not released in this version: limits, kill switch and guard process are still to come. "
            'Set executor.environment to "testnet" or "demo", or use `flashcrash exchange`'
        )
