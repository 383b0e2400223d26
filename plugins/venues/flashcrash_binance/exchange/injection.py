"""Carries out a plan of faults: asked at every opportunity, it decides from the seed alone, and notes what it did and when."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any, Final

from attrs import asdict, define, field

from flashcrash_binance.exchange.connections import Connection
from flashcrash_binance.exchange.corruption import corrupt, shift_chain
from flashcrash_binance.exchange.faults import Fault, FaultName, FaultPlan, Step
from flashcrash_binance.exchange.frames import Answer, Cut
from flashcrash_binance.exchange.limits import WeightLimiter
from flashcrash_binance.exchange.rest import error_body

__all__ = ["FaultInjector", "Injected"]

_ON_MESSAGES: Final = frozenset(
    {
        FaultName.CUT, FaultName.LOSE, FaultName.DUPLICATE, FaultName.REORDER, FaultName.CORRUPT, FaultName.DELAY, FaultName.GAP,
        FaultName.SILENT,
    }
)  # fmt: skip
_AT_A_TIME: Final = frozenset({FaultName.PING_STORM, FaultName.SHUTDOWN})
_ON_REQUESTS: Final = frozenset({FaultName.TOO_MANY, FaultName.BANNED, FaultName.SERVER_ERROR})
_SERVER_ERRORS: Final = (500, 502, 503, 504)
_USUAL_DELAY_US: Final = 500_000
_USUAL_WAIT_US: Final = 1_000_000
_MOST_NOTED: Final = 100_000
NEVER_US: Final = 2**62


@define
class Injected:
    """One fault that happened; a stretch of the same is one, with its first and last moment."""

    fault: str
    """As the plan has it."""
    name: str
    at_us: int
    """Microseconds since the exchange started."""
    last_us: int
    times: int = 1
    connection: int | None = None
    subject: str = ""
    detail: str = ""


@define(eq=False)
class _Armed:
    fault: Fault
    rng: Random
    due_us: int
    met: int = 0
    bound: int | None = None
    struck: dict[int | None, int] = field(factory=dict)
    done: bool = False


class FaultInjector:
    """Holds a plan against what happens. Times are those of the caller's clock; ``started_us`` is when the plan's begin."""

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self.plan = plan
        self._seed = seed
        self.started_us = 0
        self.injected: list[Injected] = []
        armed = [self._arm(place, fault) for place, fault in enumerate(plan.faults)]
        self._messages = [one for one in armed if one.fault.name in _ON_MESSAGES or one.fault.step is Step.FRAMES]
        self._requests = [one for one in armed if one.fault.name in _ON_REQUESTS]
        self._timed = [one for one in armed if _is_timed(one.fault)]
        self._others: dict[object, list[_Armed]] = {}
        for one in armed:
            self._others.setdefault(one.fault.step or one.fault.name, []).append(one)

    # -- opportunities -----------------------------------------------------------------------------------------------

    @property
    def touches_messages(self) -> bool:
        """Whether market messages may meet a fault."""
        return bool(self._messages)

    @property
    def remembers_books(self) -> bool:
        """Whether old books are needed."""
        return FaultName.STALE_SNAPSHOT in self._others

    @property
    def lifetime_us(self) -> int | None:
        """The age at which connections are closed instead of the venue's."""
        faults = self._others.get(FaultName.LIFETIME, ())
        return min((one.fault.duration_us or 1 for one in faults), default=None)

    def at_step(self, step: Step | FaultName, connection: int | None, subject: str, now_us: int) -> Fault | None:
        """Whether a fault of this step or name strikes here."""
        for one in self._others.get(step, ()):
            if self._strikes(one, connection, subject, now_us):
                self._note(one, connection, subject, now_us, "")
                return one.fault
        return None

    def on_message(self, one: Connection, subject: str, payload: bytes, now_us: int) -> tuple[list[bytes | Cut], int]:
        """What is sent in the place of a message, and how much later; subject is the kind of its stream."""
        out: list[bytes | Cut] = [payload]
        delay_us = 0
        for armed in self._messages:
            name = armed.fault.name
            if not out or isinstance(out[-1], Cut):
                break
            if name is FaultName.GAP and shift_chain(payload) is None:
                continue
            if armed.fault.step is Step.FRAMES:
                if one.sent <= (armed.fault.count or 0) or not self._strikes(armed, one.number, subject, now_us):
                    continue
                out, detail = [Cut()], f"after {one.sent - 1} messages"
            elif not self._strikes(armed, one.number, subject, now_us):
                continue
            elif name is FaultName.DELAY:
                delay_us = max(delay_us, armed.fault.duration_us or _USUAL_DELAY_US)
                detail = ""
            else:
                out, detail = _apply(name, out, payload, one, armed.rng)
            self._note(armed, one.number, subject, now_us, detail)
        return out, delay_us

    def on_request(self, subject: str, limiter: WeightLimiter, now_us: int, stamp_us: int) -> Answer | None:
        """An answer in the place of the right one. Refusals go on in the limiter until their time is over."""
        if self.at_step(Step.REQUEST, None, subject, now_us) is not None:
            return Answer(0, {}, b"")
        for one in self._requests:
            fault = one.fault
            if not self._strikes(one, None, subject, now_us):
                continue
            wait_us = fault.duration_us or _USUAL_WAIT_US
            if fault.name is FaultName.SERVER_ERROR:
                status = fault.status or one.rng.choice(_SERVER_ERRORS)
                self._note(one, None, subject, now_us, str(status))
                return Answer(status, {"Content-Type": "application/json"}, error_body(-1000, "An unknown error occurred."))
            self._note(one, None, subject, now_us, f"for {wait_us / 1e6:g} s")
            if fault.name is FaultName.BANNED:
                limiter.ban(stamp_us + wait_us)
            else:
                limiter.block(stamp_us + wait_us)
        return None

    # -- moments -----------------------------------------------------------------------------------------------------

    @property
    def next_us(self) -> int:
        """When a fault of the clock is due."""
        return min((self.started_us + one.due_us for one in self._timed if not one.done), default=NEVER_US)

    def due(self, now_us: int, connections: Iterable[int]) -> list[tuple[Fault, list[int]]]:
        """Faults of the clock with the connections that they hit. One that finds no connection waits for the next."""
        open_ = sorted(connections)
        found: list[tuple[Fault, list[int]]] = []
        for one in self._timed:
            if one.done or self.started_us + one.due_us > now_us:
                continue
            if not open_:
                one.due_us = now_us - self.started_us + 100_000
                continue
            one.done = True
            everyone = one.fault.everyone or one.fault.name is FaultName.SHUTDOWN
            hit = open_ if everyone else [one.rng.choice(open_)]
            for connection in hit:
                self._note(one, connection, "", now_us, "")
            found.append((one.fault, hit))
        return found

    def to_json(self) -> list[dict[str, Any]]:
        """What was injected when, as plain data."""
        return [asdict(one) for one in self.injected]

    def choose(self, connections: Sequence[int], fault: Fault) -> list[int]:
        """Which of several connections a fault hits."""
        if fault.everyone or not connections:
            return list(connections)
        return [Random(f"{self._seed}:choice:{len(self.injected)}").choice(list(connections))]

    def note(self, fault: Fault, connection: int | None, now_us: int, detail: str) -> None:
        """Note a consequence of a fault."""
        self._append(fault, connection, "", now_us, detail)

    # -- decisions ---------------------------------------------------------------------------------------------------

    def _arm(self, place: int, fault: Fault) -> _Armed:
        rng = Random(f"{self._seed}:fault:{place}:{fault.text}")
        due_us = fault.start_us
        if fault.end_us is not None:
            due_us += int(rng.random() * (fault.end_us - fault.start_us))
        return _Armed(fault, rng, due_us)

    def _strikes(self, one: _Armed, connection: int | None, subject: str, now_us: int) -> bool:
        fault = one.fault
        at_us = now_us - self.started_us
        if at_us < fault.start_us or (fault.end_us is not None and at_us >= fault.end_us):
            return False
        if fault.subject and fault.subject != subject:
            return False
        bound = connection is not None and not fault.everyone and fault.share is None
        if bound and one.bound is not None and one.bound != connection:
            return False
        one.met += 1
        if fault.nth is not None and one.met < fault.nth:
            return False
        if fault.share is not None and one.rng.random() >= fault.share:
            return False
        key = connection if fault.everyone else None
        struck = one.struck.get(key, 0)
        most = 1 if fault.step is Step.FRAMES else fault.count
        if most is not None and struck >= most:
            return False
        one.struck[key] = struck + 1
        if bound:
            one.bound = connection
        return True

    def _note(self, one: _Armed, connection: int | None, subject: str, now_us: int, detail: str) -> None:
        self._append(one.fault, connection, subject, now_us, detail)

    def _append(self, fault: Fault, connection: int | None, subject: str, now_us: int, detail: str) -> None:
        at_us = now_us - self.started_us
        known = self.injected
        for last in known[-4:]:
            if (last.fault, last.connection, last.subject, last.detail) == (fault.text, connection, subject, detail):
                last.last_us = at_us
                last.times += 1
                return
        if len(known) < _MOST_NOTED:
            known.append(Injected(fault.text, str(fault.name), at_us, at_us, 1, connection, subject, detail))


def _is_timed(fault: Fault) -> bool:
    return fault.name in _AT_A_TIME or (fault.name is FaultName.DROP and fault.step is None)


def _apply(name: FaultName, out: list[bytes | Cut], payload: bytes, one: Connection, rng: Random) -> tuple[list[bytes | Cut], str]:
    """What becomes of a message under a fault, and in words what was done."""
    if name in (FaultName.LOSE, FaultName.SILENT):
        return [], ""
    if name is FaultName.CUT:
        return [Cut(payload, "cut within a frame")], ""
    if name is FaultName.DUPLICATE:
        return [*out, payload], ""
    if name is FaultName.REORDER:
        one.swapping = True
        return out, ""
    if name is FaultName.CORRUPT:
        how, broken = corrupt(payload, rng)
        return [broken], how
    shifted = shift_chain(payload)
    return [payload if shifted is None else shifted], ""
