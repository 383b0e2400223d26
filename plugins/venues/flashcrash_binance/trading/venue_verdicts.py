"""What an answer of Binance proves about a request, and what it does not (reference/binance.md section 9).

Only the venue's own words end an order. No answer, a server error and an answer that is not the protocol's prove nothing: the order
is UNKNOWN and is looked for, never sent again.
"""

from enum import StrEnum
from typing import Final, Literal

from attrs import frozen

__all__ = ["REASONS", "CallKind", "Verdict", "VerdictKind", "verdict"]

CallKind = Literal["place", "cancel", "replace", "query", "read"]
"""``place`` and ``replace`` make orders, ``cancel`` ends them, ``query`` asks about one, ``read`` about anything else."""


class VerdictKind(StrEnum):
    """What is known after an answer."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    """Final: the request had no effect."""
    UNKNOWN = "UNKNOWN"
    """Nothing is proved: the request may have been executed. For a question: ask again."""
    DUPLICATE_OPEN = "DUPLICATE_OPEN"
    """An order with this client id is open: query it."""
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    """A cancel found no open order: it was filled, was cancelled or never existed. Query it."""
    NOT_FOUND = "NOT_FOUND"
    """A query found no order. No proof right after sending it: what answers may lag behind."""
    CLOCK = "CLOCK"
    """Our time was outside the window; final for this request. Measure the clock again."""
    RATE_LIMITED = "RATE_LIMITED"
    """Too much was asked; final for this request. Be silent until the time that was told."""
    BANNED = "BANNED"
    """This address is shut out for minutes or days; final for this request."""
    CREDENTIALS = "CREDENTIALS"
    """The key or signature was refused; final for this request. No other will fare better."""
    MAINTENANCE = "MAINTENANCE"
    """The service is down; final for this request."""


_K = VerdictKind
_NEEDS_QUERY: Final = frozenset({_K.UNKNOWN, _K.DUPLICATE_OPEN, _K.UNKNOWN_ORDER, _K.NOT_FOUND})


@frozen
class Verdict:
    """What an answer proves. ``reason`` is a word for reports (docs/glossary.md), "" when accepted."""

    kind: VerdictKind
    reason: str = ""
    code: int | None = None
    message: str = ""
    """The venue's own text."""

    @property
    def needs_query(self) -> bool:
        """Whether the state of the order is to be asked for before anything else."""
        return self.kind in _NEEDS_QUERY

    @property
    def no_effect(self) -> bool:
        """Whether it is proved that the request changed nothing."""
        return self.kind is not _K.ACCEPTED and self.kind not in _NEEDS_QUERY


_CODES: Final[dict[int, tuple[VerdictKind, str]]] = {
    -1000: (_K.UNKNOWN, "venue_error"),
    -1001: (_K.UNKNOWN, "venue_error"),
    -1002: (_K.CREDENTIALS, "bad_key"),
    -1003: (_K.RATE_LIMITED, "request_rate"),
    -1006: (_K.UNKNOWN, "venue_error"),
    -1007: (_K.UNKNOWN, "venue_error"),
    -1008: (_K.RATE_LIMITED, "overloaded"),
    -1013: (_K.REJECTED, "filter_failure"),
    -1015: (_K.RATE_LIMITED, "order_rate"),
    -1016: (_K.MAINTENANCE, "maintenance"),
    -1020: (_K.REJECTED, "not_supported"),
    -1021: (_K.CLOCK, "clock_off"),
    -1022: (_K.CREDENTIALS, "bad_signature"),
    -1121: (_K.REJECTED, "no_such_symbol"),
    -1194: (_K.REJECTED, "bad_request"),
    -1220: (_K.REJECTED, "market_closed"),
    -2010: (_K.REJECTED, "engine_refused"),
    -2011: (_K.UNKNOWN_ORDER, "unknown_order"),
    -2013: (_K.NOT_FOUND, "not_found"),
    -2014: (_K.CREDENTIALS, "bad_key"),
    -2015: (_K.CREDENTIALS, "bad_key"),
    # One half was done: both orders must be looked at.
    -2021: (_K.UNKNOWN, "half_replaced"),
    -2022: (_K.REJECTED, "replace_failed"),
    -2026: (_K.NOT_FOUND, "archived"),
    -2035: (_K.REJECTED, "stream_subscription"),
    -2036: (_K.REJECTED, "stream_subscription"),
    -2038: (_K.REJECTED, "bad_request"),
    -2039: (_K.REJECTED, "bad_request"),
    -2042: (_K.REJECTED, "stream_subscription"),
}
_ENGINE: Final = (
    ("duplicate order", _K.DUPLICATE_OPEN, "duplicate_open"),
    ("insufficient balance", _K.REJECTED, "insufficient_balance"),
    ("immediately match", _K.REJECTED, "post_only_would_take"),
    ("trigger immediately", _K.REJECTED, "would_trigger"),
    ("market is closed", _K.REJECTED, "market_closed"),
    ("not permitted", _K.REJECTED, "not_permitted"),
    ("not enabled", _K.REJECTED, "not_permitted"),
    ("disabled on this account", _K.REJECTED, "not_permitted"),
)
"""What the text of -2010 and -2011 tells."""
_STATUSES: Final[dict[int, tuple[VerdictKind, str]]] = {
    401: (_K.CREDENTIALS, "bad_key"),
    403: (_K.BANNED, "firewall"),
    418: (_K.BANNED, "banned"),
    429: (_K.RATE_LIMITED, "request_rate"),
}
REASONS: Final = frozenset(
    {
        *(reason for _, reason in _CODES.values()),
        *(reason for _, _, reason in _ENGINE),
        *(reason for _, reason in _STATUSES.values()),
        "bad_request",
        "no_reply",
    }
)
"""Every reason that a verdict can have; docs/glossary.md explains each."""


def verdict(status: int, code: int | None, message: str, call: CallKind) -> Verdict:
    """What an answer proves.

    ``status`` is the HTTP status or that of a WebSocket reply, 0 when none came (timeout, disconnect). ``code`` is the error's own,
    None when the body had none.
    """
    kind, reason = _judged(status, code, message.casefold(), call)
    return Verdict(kind, reason, code, message)


def _judged(status: int, code: int | None, text: str, call: CallKind) -> tuple[VerdictKind, str]:
    if status <= 0:
        return _K.UNKNOWN, "no_reply"
    if 200 <= status < 300 and (code is None or code >= 0):
        return _K.ACCEPTED, ""
    if status in _STATUSES and (status, code) != (429, -1015):
        return _STATUSES[status]
    if status >= 500 or status in (408, 409):
        return _from_server(code, text, call)
    if code is None or code >= 0:
        # A proxy's page, or something that is not the protocol's: no evidence of the venue.
        return _K.UNKNOWN, "venue_error"
    return _from_code(code, text)


def _from_server(code: int | None, text: str, call: CallKind) -> tuple[VerdictKind, str]:
    """A server error: an order may have got through, whatever the code says. A question changes nothing, so that it may be told."""
    asked = call in ("query", "read")
    if code == -1016 or "maintenance" in text:
        return (_K.MAINTENANCE if asked else _K.UNKNOWN), "maintenance"
    if code == -1008:
        return (_K.RATE_LIMITED if asked else _K.UNKNOWN), "overloaded"
    return _K.UNKNOWN, "half_replaced" if code == -2021 else "venue_error"


def _from_code(code: int, text: str) -> tuple[VerdictKind, str]:
    if code in (-2010, -2011):
        for words, kind, reason in _ENGINE:
            if words in text:
                return kind, reason
    if code == -1013 and "market is closed" in text:
        return _K.REJECTED, "market_closed"
    # Codes that are not listed come with 4xx: our side's mistake, and final.
    return _CODES.get(code, (_K.REJECTED, "bad_request"))
