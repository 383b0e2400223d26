"""What is to go wrong, and when: faults, plans of them, and the text that asks for them.

Grammar of a plan: ``name[=word[:word ...]][@when]``, several separated by commas. Words in any order:

* a whole number: how often (``frames``: how many messages; from 400 on a status);
* a percentage such as ``2%``: the chance at each opportunity, drawn from the seed;
* a duration such as ``500ms`` or ``3s``;
* ``all``: every connection, not only the first that meets it;
* a stream (``depth``, ``trade``, ``aggTrade``, ``bookTicker``, ``kline``) or a REST call (``depth``, ``time``, ``exchangeInfo``);
* a step of ``drop``: ``before_upgrade``, ``after_upgrade``, ``frames``, ``snapshot``, ``request``.

``when`` counts from the start of the exchange: ``12s`` (from then on, once unless a number says how often), ``10s-20s`` (all that
time), ``#3`` (the third opportunity). Without it, always.
"""

import re
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from flashcrash_core.api import UsageError

__all__ = ["TRADING_FAULTS", "Fault", "FaultName", "FaultPlan", "Step", "parse_faults"]

_UNITS_US: Final = {"us": 1, "ms": 1000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_SUBJECTS: Final = frozenset(
    {
        "depth", "trade", "aggTrade", "bookTicker", "kline", "time", "exchangeInfo",
        "place", "cancel", "replace", "query", "openOrders", "account", "myTrades", "session", "user",
    }
)  # fmt: skip
_STATUSED: Final = frozenset({"server_error", "error_executed", "error_unexecuted"})
_FIRST_STATUS: Final = 400


class FaultName(StrEnum):
    """All faults (reference/binance.md section 16)."""

    DROP = "drop"
    """The connection breaks, at a step or at a time."""
    CUT = "cut"
    """The connection breaks within a frame."""
    LOSE = "lose"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    """A message is overtaken by the next of its connection."""
    CORRUPT = "corrupt"
    """A message arrives broken in a way that can be seen: cut short, garbled, NaN, a number for a string, a negative size."""
    DELAY = "delay"
    """A message, and all that follow it, arrive later."""
    GAP = "gap"
    """The next diff's U is one too high (USD-M: its pu)."""
    SILENT = "silent"
    """Subscribed, but nothing comes."""
    STALE_SNAPSHOT = "stale_snapshot"
    SLOW_SNAPSHOT = "slow_snapshot"
    STRADDLE = "straddle"
    """Snapshots lie within the next diff."""
    NO_STRADDLE = "no_straddle"
    """Snapshots end where a diff ended."""
    NO_PONG = "no_pong"
    """A client's ping stays unanswered."""
    PING_STORM = "ping_storm"
    TOO_MANY = "too_many"
    """429 with Retry-After."""
    BANNED = "banned"
    """418 with Retry-After."""
    SERVER_ERROR = "server_error"
    """5xx."""
    SHUTDOWN = "shutdown"
    """serverShutdown, then the connections close."""
    LIFETIME = "lifetime"
    """Connections are closed at this age instead of 24 h."""
    REQUEST_LOST = "request_lost"
    """An order call is not executed, and its connection breaks."""
    REPLY_LOST = "reply_lost"
    """An order call is executed, and its connection breaks before the reply."""
    FILLED_REPLY_LOST = "filled_reply_lost"
    """The same, for an order that was filled at once, wholly or in part."""
    REPLY_WITHHELD = "reply_withheld"
    """An order call is executed, its reply never comes, the connection lives on."""
    ERROR_EXECUTED = "error_executed"
    """An order call is executed, and answered with 5xx: -1007, or -1006 with 500 and 502."""
    ERROR_UNEXECUTED = "error_unexecuted"
    """The same answer, without execution."""
    SLOW_REPLY = "slow_reply"
    """A reply of the trading side comes later; from 10 s on it is -1007."""
    CANCEL_RACES_FILL = "cancel_races_fill"
    """An order is filled just before its cancel arrives."""
    EVENT_FIRST = "event_first"
    """User data events overtake the reply."""
    FILL_AWAY = "fill_away"
    """Resting orders are filled at the moment at which a listener's connection ends."""
    OUTSIDE_WINDOW = "outside_window"
    """-1021."""


TRADING_FAULTS: Final = frozenset(
    {
        FaultName.REQUEST_LOST, FaultName.REPLY_LOST, FaultName.FILLED_REPLY_LOST, FaultName.REPLY_WITHHELD,
        FaultName.ERROR_EXECUTED, FaultName.ERROR_UNEXECUTED, FaultName.SLOW_REPLY, FaultName.CANCEL_RACES_FILL,
        FaultName.EVENT_FIRST, FaultName.FILL_AWAY, FaultName.OUTSIDE_WINDOW,
    }
)  # fmt: skip
"""Those that only orders and their account can meet."""


class Step(StrEnum):
    """Where ``drop`` breaks a connection."""

    BEFORE_UPGRADE = "before_upgrade"
    AFTER_UPGRADE = "after_upgrade"
    FRAMES = "frames"
    """After so many messages."""
    SNAPSHOT = "snapshot"
    """The stream, while the answer to a depth request is under way."""
    REQUEST = "request"
    """A REST request, without an answer."""


@frozen(kw_only=True)
class Fault:
    """One fault. Times are microseconds since the exchange started."""

    name: FaultName
    count: int | None = None
    """How often; None: at every opportunity."""
    share: float | None = None
    duration_us: int | None = None
    status: int | None = None
    subject: str = ""
    """A stream's or REST call's name; empty: any."""
    everyone: bool = False
    step: Step | None = None
    start_us: int = 0
    end_us: int | None = None
    nth: int | None = None
    text: str = field(default="", eq=False)
    """As it was written."""


@frozen
class FaultPlan:
    """Faults. What they leave to chance is drawn from the seed of the exchange that carries them out."""

    faults: tuple[Fault, ...] = ()

    @property
    def spec(self) -> str:
        """The plan as text, for :func:`parse_faults`."""
        return ",".join(fault.text for fault in self.faults)


def parse_faults(spec: str) -> FaultPlan:
    """A plan from its text. Raises UsageError that names the part that is wrong."""
    return FaultPlan(tuple(_fault(part) for part in spec.split(",") if part.strip()))


# -- the grammar -----------------------------------------------------------------------------------------------------


@frozen
class _When:
    start_us: int = 0
    end_us: int | None = None
    nth: int | None = None


def _fault(text: str) -> Fault:
    text = text.strip()
    head, _, when = text.partition("@")
    name_text, _, value = head.partition("=")
    try:
        name = FaultName(name_text)
    except ValueError:
        raise _wrong(text, f"no fault {name_text!r}; choose one of {', '.join(FaultName)}") from None
    moment = _when(when, text) if when else _When()
    count: int | None = 1 if when and moment.end_us is None else None
    share = duration_us = status = step = None
    subject, everyone = "", False
    for word in filter(None, value.split(":")):
        if word.isdigit():
            number = int(word)
            if number >= _FIRST_STATUS and name in _STATUSED:
                status = number
            else:
                count = number
        elif word.endswith("%"):
            share, count = _share(word, text), (None if not when else count)
        elif (found := _duration_us(word)) is not None:
            duration_us = found
        elif word == "all":
            everyone = True
        elif word in _SUBJECTS:
            subject = word
        elif word in set(Step):
            step = Step(word)
        else:
            raise _wrong(text, f"{word!r} is no number, percentage, duration, stream, call, step, nor 'all'")
    fault = Fault(
        name=name, count=count, share=share, duration_us=duration_us, status=status, subject=subject, everyone=everyone,
        step=step, start_us=moment.start_us, end_us=moment.end_us, nth=moment.nth, text=text,
    )  # fmt: skip
    _check(fault, timed=bool(when))
    return fault


def _check(fault: Fault, *, timed: bool) -> None:
    if fault.step is not None and fault.name is not FaultName.DROP:
        raise _wrong(fault.text, f"only drop has steps such as {fault.step}")
    if fault.name is FaultName.DROP:
        if fault.step is None and not timed:
            raise _wrong(fault.text, "needs a step (drop=after_upgrade) or a moment (drop@10s)")
        if fault.step is Step.FRAMES and not fault.count:
            raise _wrong(fault.text, "needs a number of messages: drop=frames:100")
    if fault.name is FaultName.LIFETIME and not fault.duration_us:
        raise _wrong(fault.text, "needs an age: lifetime=30s")
    if fault.name in (FaultName.PING_STORM, FaultName.SHUTDOWN) and (not timed or fault.nth is not None):
        raise _wrong(fault.text, f"needs a moment: {fault.name}@10s")


def _when(text: str, whole: str) -> _When:
    if text.startswith("#"):
        if not text[1:].isdigit() or int(text[1:]) < 1:
            raise _wrong(whole, f"{text!r} is no opportunity; write #1, #2 ...")
        return _When(nth=int(text[1:]))
    first, dash, last = text.partition("-")
    start_us, end_us = _duration_us(first), _duration_us(last) if dash else None
    if start_us is None or (dash and (end_us is None or end_us <= start_us)):
        raise _wrong(whole, f"{text!r} is no moment; write 12s, 10s-20s or #3")
    return _When(start_us, end_us)


def _duration_us(text: str) -> int | None:
    found = _DURATION.fullmatch(text)
    return None if found is None else round(float(found[1]) * _UNITS_US[found[2]])


def _share(word: str, whole: str) -> float:
    try:
        share = float(word[:-1]) / 100
    except ValueError:
        share = -1.0
    if not 0 < share <= 1:
        raise _wrong(whole, f"{word!r} is no chance; write 0.5% to 100%")
    return share


def _wrong(text: str, what: str) -> UsageError:
    return UsageError(f"--faults {text}: {what}")
