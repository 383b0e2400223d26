"""A request of the WebSocket API as it came: numbers keep the digits they were written with, since they are signed so."""

import json
from typing import Any, Final

import msgspec
from attrs import frozen

__all__ = ["SocketRequest", "read_request"]

_NOTHING: Final = msgspec.Raw(b"{}")


@frozen
class SocketRequest:
    """``id`` is echoed as it is; ``params`` are texts."""

    id: msgspec.Raw
    method: str
    params: dict[str, str]


class _Frame(msgspec.Struct):
    method: str
    id: msgspec.Raw = msgspec.Raw(b"null")
    params: msgspec.Raw = _NOTHING


def read_request(text: bytes) -> SocketRequest | None:
    """None for what is no request."""
    try:
        frame = msgspec.json.decode(text, type=_Frame)
        params: Any = json.loads(bytes(frame.params), parse_float=str, parse_int=str)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError):
        return None
    if not isinstance(params, dict):
        return None
    # The bytes of the message end with this call.
    number = msgspec.Raw(bytes(frame.id))
    return SocketRequest(number, frame.method.removeprefix("v3/"), {name: _text(value) for name, value in params.items()})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
