"""The envelopes of answers: WebSocket API replies, REST errors, and the limits that both carry (reference/binance.md 8, 9, 11)."""

from collections.abc import Iterable
from typing import Final

import msgspec
from attrs import frozen

from flashcrash_binance.trading.exact_fields import read
from flashcrash_binance.wire import to_microseconds

__all__ = ["RateLimit", "SocketReply", "rate_limits", "rest_error", "socket_reply"]

_WHAT: Final = "a WebSocket request"
_INTERVALS_US: Final = {"SECOND": 1_000_000, "MINUTE": 60_000_000, "HOUR": 3_600_000_000, "DAY": 86_400_000_000}


@frozen
class RateLimit:
    """One limit of the venue; ``used`` is None where only the limit was told."""

    kind: str
    """``REQUEST_WEIGHT``, ``ORDERS`` or ``RAW_REQUESTS``."""
    interval_us: int
    limit: int
    used: int | None = None


@frozen
class SocketReply:
    """One reply of the WebSocket API. ``result`` is the JSON of a success; ``data`` that of an error, where it has any."""

    id: str | int | None
    """As it was sent; None for a reply that answers no request."""
    status: int
    code: int | None
    message: str
    result: msgspec.Raw | None
    data: msgspec.Raw | None
    limits: tuple[RateLimit, ...]
    retry_at_us: int | None
    """When a request may be made again, of the venue's clock; told with 418 and 429."""


class _LimitShape(msgspec.Struct, rename="camel", gc=False):
    rate_limit_type: str
    interval: str
    interval_num: int
    limit: int
    count: int | None = None


class _RetryShape(msgspec.Struct, rename="camel", gc=False):
    retry_after: int | None = None


class _ErrorShape(msgspec.Struct, gc=False):
    code: int
    msg: str
    data: msgspec.Raw = msgspec.Raw()


class _ReplyShape(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    id: str | int | None
    status: int
    result: msgspec.Raw = msgspec.Raw()
    error: _ErrorShape | None = None
    rate_limits: list[_LimitShape] = []


def socket_reply(frame: bytes) -> SocketReply:
    """One reply of the WebSocket API. Raises MalformedAnswer."""
    told = read(frame, _ReplyShape, _WHAT)
    result, error = bytes(told.result), told.error
    data = bytes(error.data) if error is not None else b""
    return SocketReply(
        id=told.id,
        status=told.status,
        code=error.code if error is not None else None,
        message=error.msg if error is not None else "",
        result=msgspec.Raw(result) if result else None,
        data=msgspec.Raw(data) if data else None,
        limits=tuple(_limits(told.rate_limits)),
        retry_at_us=_retry_at_us(data),
    )


def rest_error(body: bytes) -> tuple[int | None, str, msgspec.Raw | None]:
    """Code, text and data of a REST error; (None, the body's beginning, None) for a body that is not the protocol's."""
    try:
        told = msgspec.json.decode(body, type=_ErrorShape)
    except msgspec.DecodeError:
        return None, body[:120].decode("utf-8", "replace"), None
    data = bytes(told.data)
    return told.code, told.msg, msgspec.Raw(data) if data else None


def rate_limits(answer: object) -> tuple[RateLimit, ...]:
    """``rateLimits`` of exchangeInfo, or the answer of ``rateLimit/order``. Raises MalformedAnswer."""
    return tuple(_limits(read(answer, list[_LimitShape], "rateLimits")))


def _limits(shapes: Iterable[_LimitShape]) -> Iterable[RateLimit]:
    for shape in shapes:
        unit_us = _INTERVALS_US.get(shape.interval)
        # A kind or interval that this version does not know limits nothing here; the venue tells when it is broken.
        if unit_us is not None and shape.interval_num > 0 and shape.limit > 0:
            yield RateLimit(shape.rate_limit_type, unit_us * shape.interval_num, shape.limit, shape.count)


def _retry_at_us(data: bytes) -> int | None:
    try:
        stamp = msgspec.json.decode(data, type=_RetryShape).retry_after
    except msgspec.DecodeError:
        return None
    return to_microseconds(stamp) if stamp is not None and stamp > 0 else None
