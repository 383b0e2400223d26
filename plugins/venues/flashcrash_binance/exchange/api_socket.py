"""The WebSocket API's market data: the REST calls over one socket (reference/binance.md section 11)."""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from flashcrash_binance.exchange.frames import Answer

__all__ = ["api_reply"]

_CALLS: Final = {
    "ping": "ping",
    "time": "time",
    "exchangeInfo": "exchangeInfo",
    "depth": "depth",
    "trades.recent": "trades",
    "trades.aggregate": "aggTrades",
    "klines": "klines",
    "uiKlines": "uiKlines",
    "avgPrice": "avgPrice",
    "ticker.price": "ticker/price",
    "ticker.book": "ticker/bookTicker",
    "ticker.24hr": "ticker/24hr",
}


def api_reply(text: bytes, ask: Callable[[str, str], Answer], weight_per_minute: int) -> bytes:
    """Answer one request. ``ask(call, query)`` is the REST call of that name."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _refusal(None, -1100, "Malformed request: not JSON.")
    if not isinstance(message, dict):
        return _refusal(None, -1100, "Malformed request: not an object.")
    number, method, params = message.get("id"), message.get("method"), message.get("params") or {}
    call = _CALLS.get(str(method).removeprefix("v3/"))
    if call is None:
        return _refusal(number, -1000, f"Method {str(method)[:60]!r} is not supported by the local exchange.")
    if not isinstance(params, Mapping):
        return _refusal(number, -1100, "Malformed request: params must be an object.")
    answer = ask(call, urlencode({name: _text(value) for name, value in params.items()}))
    key = "result" if answer.status == 200 else "error"
    reply: dict[str, Any] = {"id": number, "status": answer.status, key: msgspec.Raw(answer.body)}
    used = answer.headers.get("X-MBX-USED-WEIGHT-1M")
    if used is not None:
        limit: dict[str, Any] = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1}
        limit |= {"limit": weight_per_minute, "count": int(used)}
        reply["rateLimits"] = [limit]
    return msgspec.json.encode(reply)


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _refusal(number: Any, code: int, message: str) -> bytes:
    return msgspec.json.encode({"id": number, "status": 400, "error": {"code": code, "msg": message}, "rateLimits": []})
