"""The guard around an executor. An executor is never swapped: money is under way in it.

A ``submit`` or ``cancel`` that raises proves nothing, so the order's fate is UNKNOWN, never rejected. From the first fault on
entries are blocked; exits are still tried. The third fault halts the session and ends the run. Notices whose fields make no sense,
or that contradict the books, stay what they are: a broken invariant, found by the kernel's own checks.
"""

from typing import Any

import msgspec

from flashcrash_core.detection.containment import Fault, FaultCount, Misbehaviour, dispose, explain, let_interrupt_pass, named
from flashcrash_core.errors import InvariantError, PluginFailure
from flashcrash_core.runtime.session import Session
from flashcrash_core.trading.execution import Executor
from flashcrash_core.trading.orders import CancelOrder, Command, NoticeKind, OrderState, SubmitOrder, VenueNotice

__all__ = ["ExecutorGuard"]

_PROVABLE = frozenset({OrderState.SENT, OrderState.ACKED, OrderState.PARTIAL, OrderState.CANCELLING})


class ExecutorGuard:
    """Calls an executor for the runner, and books what it does wrong with the session."""

    def __init__(self, executor: Executor, session: Session) -> None:
        self.executor = executor
        self.name = session.setup.executor_name
        self.count = FaultCount()
        self._session = session

    def execute(self, command: Command) -> bool:
        """Hand over an order or a cancel; False when it failed and the session has something to settle."""
        call = "submit" if isinstance(command, SubmitOrder) else "cancel"
        try:
            if isinstance(command, CancelOrder):
                self.executor.cancel(command)
            else:
                self.executor.submit(command)
        except BaseException as error:
            self.failed(call, command.symbol, error)
            self._lose_sight_of(command)
            return False
        return True

    def due(self, now_us: int) -> list[VenueNotice]:
        """Notices to deliver. What is no notice is a fault; the notices around it still count."""
        notices: list[VenueNotice] = []
        strange: object = None
        try:
            for notice in self.executor.due(now_us):
                if type(notice) is VenueNotice:
                    notices.append(notice)
                else:
                    strange = notice
            if strange is not None:
                dispose(strange)
                raise Misbehaviour("wrong_type", f"due returned {named(strange)} among its notices")
        except BaseException as error:
            self.failed("due", "", error)
        for notice in notices:
            self._require_sound(notice)
        return notices

    def failed(self, call: str, symbol: str, error: BaseException) -> None:
        """Book a fault, whatever was raised: the plugin's own InvariantError proves nothing about our books."""
        let_interrupt_pass(error)
        kind, message = explain(error, self.executor, call)
        t_us = self._session.now_us
        quarantined = self.count.add(kind, t_us)
        self._session.on_fault(symbol, Fault(self.name, t_us, message, quarantined, "executor", kind, call))

    def end(self) -> PluginFailure:
        """What ends the run after the third fault."""
        orders = ", ".join(self._session.blotter.orders) or "none known"
        last = self._session.faults[-1]["message"] if self._session.faults else ""
        return PluginFailure(
            f"executor {self.name} failed {self.count.total} times (last: {last}); it is not called again, the session has halted. "
            f"Check at the venue what became of its open orders ({orders}) before you start another session"
        )

    def _lose_sight_of(self, command: Command) -> None:
        """The order's fate is unknown now, unless it was before."""
        session = self._session
        order = session.blotter.orders.get(command.client_id)
        if order is not None and order.state in _PROVABLE:
            t_us = session.now_us
            session.on_event(
                VenueNotice(
                    command.symbol, 0, t_us, t_us, NoticeKind.UNKNOWN, command.client_id, reason="executor_fault"
                )
            )  # fmt: skip

    def _require_sound(self, notice: VenueNotice) -> None:
        """A notice is about money: one with fields of wrong types cannot be dropped as a mere fault. Raises InvariantError."""
        numbers = (notice.receive_us, notice.price_ticks, notice.qty_lots, notice.fee_minor, notice.trade_id, notice.fee_lots)
        texts = (notice.symbol, notice.client_id, notice.reason)
        if (
            any(type(number) is not int for number in numbers)
            or any(type(text) is not str for text in texts)
            or type(notice.kind) is not NoticeKind
            or type(notice.maker) is not bool
        ):
            order = notice.client_id if type(notice.client_id) is str else named(notice.client_id)
            raise InvariantError(
                f"executor {self.name}: a notice for order {order} has fields of wrong types; what became of the order is unknown, "
                "check it at the venue"
            )

    def snapshot(self) -> dict[str, Any] | None:
        """State as plain data; None when the executor cannot give it, which is a fault."""
        try:
            state = msgspec.msgpack.encode(self.executor.snapshot())
        except BaseException as error:
            self.failed("snapshot", "", error)
            return None
        return {"state": state, "faults": self.count.snapshot()}

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.count.restore(data["faults"])
        self.executor.restore(msgspec.msgpack.decode(data["state"]))
