"""Whether a signed request is of this moment: timestamp and recvWindow (reference/binance.md section 4)."""

import re
from collections.abc import Mapping
from typing import Final

from flashcrash_binance.exchange.rest import ApiError
from flashcrash_binance.exchange.trading.order_parameters import needed

__all__ = ["check_window", "outside_window"]

_AHEAD_US: Final = 1_000_000
_USUAL_US: Final = 5_000_000
_MOST_US: Final = 60_000_000
_MICROSECONDS_FROM: Final = 10**14
"""A timestamp from here on is in microseconds."""
_WINDOW: Final = re.compile(r"(\d{1,8})(?:\.(\d{1,3}))?")


def check_window(params: Mapping[str, str], stamp_us: int) -> None:
    """Raise ApiError: -1102 without a timestamp, -1100 and -1131 for a bad window, -1021 outside of it."""
    text = needed(params, "timestamp")
    if not (text.isascii() and text.isdigit() and len(text) <= 20):
        raise ApiError(-1100, "Illegal characters found in parameter 'timestamp'; legal range is '^[0-9]{1,20}$'.")
    sent_us = int(text) if int(text) >= _MICROSECONDS_FROM else int(text) * 1000
    window_us = _USUAL_US
    if "recvWindow" in params:
        found = _WINDOW.fullmatch(params["recvWindow"])
        if found is None:
            raise ApiError(-1100, "Illegal characters found in parameter 'recvWindow'.")
        window_us = int(found[1]) * 1000 + int((found[2] or "0").ljust(3, "0"))
        if window_us > _MOST_US:
            raise ApiError(-1131, "recvWindow must be less than 60000")
    if sent_us >= stamp_us + _AHEAD_US:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if stamp_us - sent_us > window_us:
        raise outside_window()


def outside_window() -> ApiError:
    """-1021."""
    return ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")
