"""What answers prove: every row of the error table, and nothing proved by silence or by a broken server."""

import re
from pathlib import Path
from typing import Final, get_args

import pytest

from flashcrash_binance.trading.venue_verdicts import REASONS, CallKind, Verdict, VerdictKind, verdict

K = VerdictKind
PLACE: Final = "place"
CALLS: Final[tuple[CallKind, ...]] = get_args(CallKind)
CHANGES: Final[tuple[CallKind, ...]] = ("place", "cancel", "replace")
ASKS: Final[tuple[CallKind, ...]] = ("query", "read")
BODY = "Timeout waiting for response from backend server. Send status unknown; execution status unknown."


@pytest.mark.parametrize(
    ("status", "code", "message", "call", "kind", "reason"),
    [
        (200, None, "", "place", K.ACCEPTED, ""),
        (400, -1000, "An unknown error occurred while processing the request.", "place", K.UNKNOWN, "venue_error"),
        (400, -1001, "Internal error; unable to process your request. Please try again.", "cancel", K.UNKNOWN, "venue_error"),
        (401, -1002, "You are not authorized to execute this request.", "place", K.CREDENTIALS, "bad_key"),
        (429, -1003, "Too much request weight used; current limit is 6000.", "place", K.RATE_LIMITED, "request_rate"),
        (418, -1003, "Way too much request weight used; IP banned until 1.", "query", K.BANNED, "banned"),
        (400, -1006, "An unexpected response was received from the message bus.", "place", K.UNKNOWN, "venue_error"),
        (408, -1007, BODY, "place", K.UNKNOWN, "venue_error"),
        (400, -1007, BODY, "place", K.UNKNOWN, "venue_error"),
        (504, -1007, BODY, "cancel", K.UNKNOWN, "venue_error"),
        (503, -1008, "Server is currently overloaded with other requests.", "place", K.UNKNOWN, "overloaded"),
        (503, -1008, "Server is currently overloaded with other requests.", "query", K.RATE_LIMITED, "overloaded"),
        (400, -1008, "Server is currently overloaded with other requests.", "place", K.RATE_LIMITED, "overloaded"),
        (400, -1013, "Filter failure: LOT_SIZE", "place", K.REJECTED, "filter_failure"),
        (400, -1013, "Market is closed.", "place", K.REJECTED, "market_closed"),
        (429, -1015, "Too many new orders; current limit is 50 orders per 10 SECOND.", "place", K.RATE_LIMITED, "order_rate"),
        (418, -1015, "Too many new orders.", "place", K.BANNED, "banned"),
        (400, -1016, "This service is no longer available.", "place", K.MAINTENANCE, "maintenance"),
        (503, -1016, "This service is no longer available.", "place", K.UNKNOWN, "maintenance"),
        (503, None, "System is under maintenance.", "read", K.MAINTENANCE, "maintenance"),
        (400, -1020, "This operation is not supported.", "place", K.REJECTED, "not_supported"),
        (400, -1021, "Timestamp for this request is outside of the recvWindow.", "place", K.CLOCK, "clock_off"),
        (400, -1021, "Timestamp for this request was 1000ms ahead of the server's time.", "query", K.CLOCK, "clock_off"),
        (400, -1022, "Signature for this request is not valid.", "place", K.CREDENTIALS, "bad_signature"),
        (400, -1100, "Illegal characters found in a parameter.", "place", K.REJECTED, "bad_request"),
        (400, -1102, "Mandatory parameter 'quantity' was not sent.", "place", K.REJECTED, "bad_request"),
        (400, -1104, "Not all sent parameters were read.", "place", K.REJECTED, "bad_request"),
        (400, -1106, "Parameter 'timeInForce' sent when not required.", "place", K.REJECTED, "bad_request"),
        (400, -1111, "Precision is over the maximum defined for this asset.", "place", K.REJECTED, "bad_request"),
        (400, -1121, "Invalid symbol.", "place", K.REJECTED, "no_such_symbol"),
        (400, -1125, "This listenKey does not exist.", "read", K.REJECTED, "bad_request"),
        (400, -1128, "Combination of optional parameters invalid.", "place", K.REJECTED, "bad_request"),
        (400, -1130, "Data sent for parameter 'x' is not valid.", "place", K.REJECTED, "bad_request"),
        (400, -1194, "Invalid time unit.", "read", K.REJECTED, "bad_request"),
        (400, -1220, "The symbol's status does not match.", "place", K.REJECTED, "market_closed"),
        (400, -2010, "Duplicate order sent.", "place", K.DUPLICATE_OPEN, "duplicate_open"),
        (400, -2010, "Account has insufficient balance for requested action.", "place", K.REJECTED, "insufficient_balance"),
        (400, -2010, "Order would immediately match and take.", "place", K.REJECTED, "post_only_would_take"),
        (400, -2010, "Order would trigger immediately.", "place", K.REJECTED, "would_trigger"),
        (400, -2010, "Stop price would trigger immediately.", "place", K.REJECTED, "would_trigger"),
        (400, -2010, "Market is closed.", "place", K.REJECTED, "market_closed"),
        (400, -2010, "This symbol is not permitted for this account.", "place", K.REJECTED, "not_permitted"),
        (400, -2010, "Rest API trading is not enabled.", "place", K.REJECTED, "not_permitted"),
        (400, -2010, "This action is disabled on this account.", "place", K.REJECTED, "not_permitted"),
        (400, -2010, "Something new.", "place", K.REJECTED, "engine_refused"),
        (400, -2011, "Unknown order sent.", "cancel", K.UNKNOWN_ORDER, "unknown_order"),
        (400, -2011, "Order was not canceled due to cancel restrictions.", "cancel", K.UNKNOWN_ORDER, "unknown_order"),
        (400, -2013, "Order does not exist.", "query", K.NOT_FOUND, "not_found"),
        (400, -2014, "API-key format invalid.", "read", K.CREDENTIALS, "bad_key"),
        (401, -2015, "Invalid API-key, IP, or permissions for action.", "place", K.CREDENTIALS, "bad_key"),
        (400, -2015, "Invalid API-key, IP, or permissions for action.", "place", K.CREDENTIALS, "bad_key"),
        (409, -2021, "Order cancel-replace partially failed.", "replace", K.UNKNOWN, "half_replaced"),
        (400, -2022, "Order cancel-replace failed.", "replace", K.REJECTED, "replace_failed"),
        (400, -2026, "Order was archived over 90 days ago.", "query", K.NOT_FOUND, "archived"),
        (400, -2035, "User Data Stream subscription already active.", "read", K.REJECTED, "stream_subscription"),
        (400, -2036, "User Data Stream subscription not active.", "read", K.REJECTED, "stream_subscription"),
        (400, -2042, "Too many subscriptions.", "read", K.REJECTED, "stream_subscription"),
        (400, -2038, "Order amend failed.", "replace", K.REJECTED, "bad_request"),
        (400, -2039, "Client order id is not correct for this order id.", "cancel", K.REJECTED, "bad_request"),
        (403, None, "<html>", "place", K.BANNED, "firewall"),
    ],
)
def test_every_row_of_the_table(
    status: int, code: int | None, message: str, call: CallKind, kind: VerdictKind, reason: str
) -> None:
    """The action that section 9 of the protocol demands, for each code and text in it."""
    found = verdict(status, code, message, call)
    assert (found.kind, found.reason, found.code, found.message) == (kind, reason, code, message)


@pytest.mark.parametrize("call", CALLS)
def test_silence_proves_nothing(call: CallKind) -> None:
    """No answer is UNKNOWN for every call."""
    found = verdict(0, None, "", call)
    assert (found.kind, found.reason, found.needs_query, found.no_effect) == (K.UNKNOWN, "no_reply", True, False)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599])
@pytest.mark.parametrize("code", [None, -1000, -1007, -1008, -1013, -1016, -1021, -2010, -2011, -2013, -9999])
def test_a_server_error_never_ends_an_order(status: int, code: int | None) -> None:
    """Whatever code comes with a server error, an order or cancel may have got through."""
    for call in CHANGES:
        for message in ("", "Market is closed.", "Duplicate order sent.", "System is under maintenance."):
            assert verdict(status, code, message, call).kind is K.UNKNOWN
    for call in ASKS:
        assert verdict(status, code, "", call).kind in (K.UNKNOWN, K.MAINTENANCE, K.RATE_LIMITED)


@pytest.mark.parametrize("status", [300, 302, 400, 404, 408, 409, 410, 413, 451])
@pytest.mark.parametrize("code", [None, 0, 7])
def test_a_page_of_a_proxy_is_no_evidence(status: int, code: int | None) -> None:
    """An answer without an error code of the venue proves nothing about an order."""
    assert verdict(status, code, "<html>", PLACE).kind is K.UNKNOWN


@pytest.mark.parametrize("status", [408, 409])
def test_a_conflict_or_a_timeout_never_ends_an_order(status: int) -> None:
    """What comes with 408 or 409 may tell of one half of two requests only."""
    for call in CHANGES:
        assert verdict(status, -2010, "Account has insufficient balance for requested action.", call).kind is K.UNKNOWN


def test_a_success_with_an_error_inside_is_no_success() -> None:
    """Some services answer 200 with an error in the body."""
    assert verdict(200, -2015, "Invalid API-key, IP, or permissions for action.", "read").kind is K.CREDENTIALS
    assert verdict(200, -1007, BODY, "place").kind is K.UNKNOWN


def test_an_unlisted_code_with_a_refusal_is_final() -> None:
    """4xx with the venue's own error is our side's mistake, also where the code is new."""
    found = verdict(400, -1199, "New rule.", PLACE)
    assert (found.kind, found.reason, found.no_effect) == (K.REJECTED, "bad_request", True)


@pytest.mark.parametrize("kind", list(VerdictKind))
def test_a_verdict_is_accepted_or_final_or_to_be_looked_at(kind: VerdictKind) -> None:
    """Exactly one of the three holds for each kind."""
    found = Verdict(kind)
    assert [kind is K.ACCEPTED, found.needs_query, found.no_effect].count(True) == 1


def test_every_reason_is_explained() -> None:
    """Each reason of a verdict stands in the glossary."""
    text = (Path(__file__).parents[4] / "docs" / "glossary.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([a-z_0-9]+)` \|", text, re.MULTILINE))
    assert not REASONS - explained
