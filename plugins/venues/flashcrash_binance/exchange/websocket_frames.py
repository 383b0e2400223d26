"""WebSocket frames as bytes (RFC 6455, section 5.2): a server's are not masked."""

import struct
from typing import Final

__all__ = ["CLOSE", "PING", "PONG", "TEXT", "close_payload", "frame"]

TEXT: Final = 0x1
CLOSE: Final = 0x8
PING: Final = 0x9
PONG: Final = 0xA
_FINAL: Final = 0x80
_LONGEST_SHORT: Final = 125
_LONGEST_MIDDLE: Final = 0xFFFF


def frame(opcode: int, payload: bytes) -> bytes:
    """One whole frame."""
    length = len(payload)
    if length <= _LONGEST_SHORT:
        return bytes((_FINAL | opcode, length)) + payload
    if length <= _LONGEST_MIDDLE:
        return struct.pack("!BBH", _FINAL | opcode, 126, length) + payload
    return struct.pack("!BBQ", _FINAL | opcode, 127, length) + payload


def close_payload(code: int, reason: str) -> bytes:
    """Code and reason of a close frame."""
    return struct.pack("!H", code) + reason.encode()[: _LONGEST_SHORT - 2]
