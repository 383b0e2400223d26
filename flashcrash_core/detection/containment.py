"""What a fault of a plugin is: how it is told, counted and forgiven, and what oversees the calls.

A plugin may raise anything, return anything and take any time. Whatever it does wrong in one call costs that call's answer; the
third fault costs the plugin its place in the session (quarantine). The guards that call plugins share this module: the panel and
the judgement here, scorer, strategy and executor in ``runtime``.
"""

from collections.abc import Callable, Mapping
from types import CoroutineType, GeneratorType, MappingProxyType
from typing import Any, Final

from attrs import define, field, frozen

from flashcrash_core.detection.fault_text import Misbehaviour, describe, explain, named
from flashcrash_core.detection.interrupts import let_interrupt_pass

__all__ = [
    "MAX_FAULTS",
    "OVERRUN_FORGIVEN_US",
    "Fault",
    "FaultCount",
    "Imposed",
    "Misbehaviour",
    "Oversight",
    "describe",
    "dispose",
    "explain",
    "let_interrupt_pass",
    "named",
]

MAX_FAULTS: Final = 3
"""The fault that ends in quarantine."""
OVERRUN_FORGIVEN_US: Final = 60_000_000
"""Overruns are forgotten after this much event time without another: a busy machine must not condemn an innocent over a day."""
OVERRUN: Final = "overrun"


@frozen
class Fault:
    """A contained failure of one call into a plugin. ``error`` is the message, ``t_us`` event time."""

    name: str
    t_us: int
    error: str
    quarantined: bool
    stage: str = "indicator"
    """``indicator``, ``judge``, ``scorer``, ``strategy``, ``executor`` or ``feed``."""
    kind: str = "raised"
    call: str = ""
    """The method (``step``, ``window``, ``judge``, ``decide`` ...), numbered where it is called more than once (``score 2``)."""


@define
class FaultCount:
    """Faults of one plugin. ``total`` counts all; overruns stop counting towards quarantine when they are forgiven."""

    total: int = 0
    lasting: int = 0
    overruns: int = 0
    overrun_us: int = 0
    """Event time of the newest overrun."""
    quarantined: bool = False

    def add(self, kind: str, t_us: int) -> bool:
        """Count a fault; returns whether the plugin is quarantined now."""
        self.total += 1
        if t_us - self.overrun_us > OVERRUN_FORGIVEN_US:
            self.overruns = 0
        if kind == OVERRUN:
            self.overruns += 1
            self.overrun_us = t_us
        else:
            self.lasting += 1
        self.quarantined = self.quarantined or self.lasting + self.overruns >= MAX_FAULTS
        return self.quarantined

    def snapshot(self) -> list[Any]:
        """State as plain data."""
        return [self.total, self.lasting, self.overruns, self.overrun_us, self.quarantined]

    def restore(self, data: list[Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self.total, self.lasting, self.overruns, self.overrun_us, self.quarantined = data


@frozen
class Imposed:
    """A fault that a journal tells of: the same call fails again in the same way, whatever the plugin does this time."""

    kind: str
    message: str


_NOTHING: Final[Mapping[Any, Imposed]] = MappingProxyType({})


@define
class Oversight:
    """Real time and journalled faults, for runs that have them. A run at full speed has none and pays for none.

    ``watch`` is a stopwatch in nanoseconds, injected by the shell: the decision path itself reads no clock. ``rows`` holds imposed
    faults of indicators by ``(symbol, t_us, stage, name)``, ``calls`` those of other plugins by ``(symbol, seq, stage, call)``.
    """

    watch: Callable[[], int] | None = None
    budget_ns: int = 0
    rows: Mapping[tuple[str, int, str, str], Imposed] = field(default=_NOTHING)
    calls: Mapping[tuple[str, int, str, str], Imposed] = field(default=_NOTHING)
    excused_ns: int = 0
    """Time spent so far in scorers: a strategy that waits for one is not slow for that."""

    def start(self) -> int:
        """The stopwatch now; 0 when time is not measured."""
        return 0 if self.watch is None else self.watch()

    def late(self, started_ns: int, excused_ns: int = 0) -> str:
        """What to say of a call that took longer than the budget and ``excused_ns``, "" for one that did not."""
        if self.watch is None:
            return ""
        spent_ns = self.watch() - started_ns - excused_ns
        return "" if spent_ns <= self.budget_ns else f"took {spent_ns / 1e6:.1f} ms of {self.budget_ns / 1e6:g} ms"


def dispose(result: object) -> None:
    """End a coroutine or generator that was returned instead of an answer, so that Python does not warn of it later."""
    if type(result) is tuple:
        for part in result:
            if type(part) is CoroutineType:
                part.close()
    elif type(result) is CoroutineType or type(result) is GeneratorType:
        try:
            result.close()
        except BaseException as error:  # its own clean-up raised: the call is a fault already
            let_interrupt_pass(error)
