"""What a plan of faults does to one call of the trading side: nothing, no execution, no answer, a wrong answer, or a late one."""

from typing import Final

from attrs import frozen

from flashcrash_binance.exchange.faults import Fault, FaultName
from flashcrash_binance.exchange.injection import FaultInjector
from flashcrash_binance.exchange.rest import error_body
from flashcrash_binance.exchange.trading.request_window import outside_window

__all__ = ["CallFaults", "Fate"]

_CHANGING: Final = frozenset({"place", "cancel", "replace"})
_SLOW_US: Final = 11_000_000
_LIMIT_US: Final = 10_000_000
_AFTER_EVENT_US: Final = 200_000
_WITHHELD_US: Final = 3_600_000_000
_UNEXPECTED: Final = "An unexpected response was received from the message bus. Execution status unknown."
_TIMEOUT: Final = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."


@frozen
class Fate:
    """What becomes of a reply. ``status`` 0: its own; ``lost``: the connection breaks in its place."""

    status: int = 0
    body: bytes = b""
    delay_us: int = 0
    lost: bool = False


class CallFaults:
    """Asks the injector at the moments of a call. Times are the caller's clock."""

    def __init__(self, injector: FaultInjector) -> None:
        self._injector = injector

    def before(self, subject: str, now_us: int) -> Fate | None:
        """A fate instead of the execution; None: execute. Raises ApiError -1021."""
        if self._strikes(FaultName.OUTSIDE_WINDOW, subject, now_us) is not None:
            raise outside_window()
        if subject not in _CHANGING:
            return None
        if self._strikes(FaultName.REQUEST_LOST, subject, now_us) is not None:
            return Fate(lost=True)
        fault = self._strikes(FaultName.ERROR_UNEXECUTED, subject, now_us)
        return None if fault is None else _error(fault)

    def after(self, subject: str, now_us: int, *, filled: bool) -> Fate:
        """What becomes of the reply to an executed call."""
        if subject in _CHANGING:
            if self._strikes(FaultName.REPLY_LOST, subject, now_us) is not None:
                return Fate(lost=True)
            if filled and self._strikes(FaultName.FILLED_REPLY_LOST, subject, now_us) is not None:
                return Fate(lost=True)
            if self._strikes(FaultName.REPLY_WITHHELD, subject, now_us) is not None:
                return Fate(delay_us=_WITHHELD_US)
            fault = self._strikes(FaultName.ERROR_EXECUTED, subject, now_us)
            if fault is not None:
                return _error(fault)
            fault = self._strikes(FaultName.EVENT_FIRST, subject, now_us)
            if fault is not None:
                return Fate(delay_us=fault.duration_us or _AFTER_EVENT_US)
        fault = self._strikes(FaultName.SLOW_REPLY, subject, now_us)
        if fault is None:
            return Fate()
        delay_us = fault.duration_us or _SLOW_US
        if delay_us < _LIMIT_US:
            return Fate(delay_us=delay_us)
        # The gateway gives up after ten seconds (reference/binance.md section 4).
        return Fate(503, error_body(-1007, _TIMEOUT), _LIMIT_US)

    def races(self, now_us: int) -> bool:
        """Whether a fill overtakes a cancel."""
        return self._strikes(FaultName.CANCEL_RACES_FILL, "cancel", now_us) is not None

    def fills_while_away(self, connection: int, now_us: int) -> bool:
        """Whether open orders are filled because a listener is gone."""
        return self._injector.at_step(FaultName.FILL_AWAY, connection, "user", now_us) is not None

    def _strikes(self, name: FaultName, subject: str, now_us: int) -> Fault | None:
        return self._injector.at_step(name, None, subject, now_us)


def _error(fault: Fault) -> Fate:
    status = fault.status or 503
    code, text = (-1006, _UNEXPECTED) if status in (500, 502) else (-1007, _TIMEOUT)
    return Fate(status, error_body(code, text))
