"""Envelopes: WebSocket replies, REST errors and limits."""

import msgspec
import pytest

from flashcrash_binance.trading.venue_records import MalformedAnswer
from flashcrash_binance.trading.venue_replies import RateLimit, rate_limits, rest_error, socket_reply

SECOND_US = 1_000_000
WEIGHT = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 70}
ORDERS = {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 12}


def test_a_success_has_its_result_and_limits() -> None:
    """The result stays JSON for the decoder of its request; limits are told with it."""
    told = {"id": "a1", "status": 200, "result": {"orderId": 5}, "rateLimits": [WEIGHT, ORDERS]}
    reply = socket_reply(msgspec.json.encode(told))
    assert (reply.id, reply.status, reply.code, reply.message, reply.data) == ("a1", 200, None, "", None)
    assert reply.result is not None
    assert msgspec.json.decode(reply.result) == {"orderId": 5}
    assert reply.limits == (RateLimit("REQUEST_WEIGHT", 60 * SECOND_US, 6000, 70), RateLimit("ORDERS", 10 * SECOND_US, 50, 12))


def test_an_error_has_its_code_text_and_time() -> None:
    """A ban tells when requests may be made again."""
    told = {
        "id": 7, "status": 418,
        "error": {"code": -1003, "msg": "banned", "data": {"serverTime": 1659142907531, "retryAfter": 1659146400000}},
    }  # fmt: skip
    reply = socket_reply(msgspec.json.encode(told))
    assert (reply.id, reply.status, reply.code, reply.message, reply.result) == (7, 418, -1003, "banned", None)
    assert (reply.retry_at_us, reply.limits) == (1659146400000000, ())


def test_an_error_without_a_request_has_no_id() -> None:
    """A key that becomes invalid is told without a request."""
    reply = socket_reply(b'{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key."}}')
    assert (reply.id, reply.code, reply.data, reply.retry_at_us) == (None, -2015, None, None)


@pytest.mark.parametrize(
    "frame", [b"", b"{}", b'{"id":1}', b'{"id":1,"status":"200"}', b'{"id":1,"status":400,"error":{"msg":"x"}}']
)
def test_what_is_no_reply_is_refused(frame: bytes) -> None:
    """A frame without id, status, or the code of its error."""
    with pytest.raises(MalformedAnswer):
        socket_reply(frame)


def test_a_rest_error_is_read_or_shown() -> None:
    """The venue's code and text with their data; a proxy's page is shown from its beginning."""
    code, text, data = rest_error(b'{"code":-2022,"msg":"failed","data":{"cancelResult":"FAILURE"}}')
    assert (code, text) == (-2022, "failed")
    assert data is not None
    assert msgspec.json.decode(data) == {"cancelResult": "FAILURE"}
    assert rest_error(b'{"code":-1121,"msg":"Invalid symbol."}') == (-1121, "Invalid symbol.", None)
    assert rest_error(b"<html>" + b"x" * 500) == (None, "<html>" + "x" * 114, None)
    assert rest_error(b"") == (None, "", None)


@pytest.mark.parametrize(("data", "expected"), [({"retryAfter": 0}, None), ({"retryAfter": -5}, None), ({}, None), (None, None)])
def test_a_time_that_makes_no_sense_is_none(data: object, expected: int | None) -> None:
    """Zero, negative or missing: the caller waits for as long as it does without being told."""
    told = {"id": 7, "status": 429, "error": {"code": -1003, "msg": "x", "data": data}}
    assert socket_reply(msgspec.json.encode(told)).retry_at_us is expected


@pytest.mark.parametrize(
    ("interval", "us"),
    [("SECOND", SECOND_US), ("MINUTE", 60 * SECOND_US), ("HOUR", 3_600 * SECOND_US), ("DAY", 86_400 * SECOND_US)],
)
def test_intervals(interval: str, us: int) -> None:
    """Every unit of the venue; a limit or number of zero limits nothing."""
    assert rate_limits([{**ORDERS, "interval": interval, "intervalNum": 3}])[0].interval_us == 3 * us
    assert rate_limits([{**ORDERS, "interval": interval, "intervalNum": 0}, {**ORDERS, "limit": 0}]) == ()
    assert len(rate_limits([{**ORDERS, "limit": 1}])) == 1


def test_limits_of_exchange_info() -> None:
    """Limits without a count, and unknown intervals left out."""
    told = [
        {k: v for k, v in WEIGHT.items() if k != "count"},
        {**ORDERS, "interval": "FORTNIGHT"},
        {**ORDERS, "interval": "DAY", "intervalNum": 1},
    ]
    assert rate_limits(told) == (
        RateLimit("REQUEST_WEIGHT", 60 * SECOND_US, 6000),
        RateLimit("ORDERS", 86_400 * SECOND_US, 50, 12),
    )
    with pytest.raises(MalformedAnswer):
        rate_limits([{**ORDERS, "limit": "50"}])
