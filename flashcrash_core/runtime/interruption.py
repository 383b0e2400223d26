"""Ctrl-C and SIGTERM (systemd, docker stop) end a run between two events, with all stored; a second one ends it at once."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from attrs import define

from flashcrash_core.detection.interrupts import attended

__all__ = ["Interruption"]


@define
class Interruption:
    """Whether the user wants a run to end."""

    signal: int = 0
    """Number of the first signal, 0 while there is none."""
    insisted: bool = False
    """A second signal came: a KeyboardInterrupt is on its way up and is nobody's fault."""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Take the signals of this process, and answer for every KeyboardInterrupt that comes out of a plugin.

        Only the main thread gets signals. In another one no KeyboardInterrupt can be the user's.
        """
        previous = {}
        if threading.current_thread() is threading.main_thread():
            previous = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            with attended(lambda: self.insisted):
                yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler or signal.SIG_DFL)  # None: a handler that Python did not set

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.signal:
            self.insisted = True
            raise KeyboardInterrupt(number)
        self.signal = number
