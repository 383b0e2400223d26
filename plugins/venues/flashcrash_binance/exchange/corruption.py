"""Broken messages that a careful reader can tell from sound ones.

Nothing here changes a number into another plausible number: TCP's and TLS's checksums keep that from happening, and no reader could
notice.
"""

import re
from collections.abc import Callable
from random import Random
from typing import Final

__all__ = ["CORRUPTIONS", "corrupt", "shift_chain"]

_PRICE: Final = re.compile(rb'\["(\d+\.\d+)","(\d+\.\d+)"\]')
_FIELD: Final = re.compile(rb'"(?:p|q|b|B|a|A)":"(\d+\.\d+)"')
_TYPE: Final = re.compile(rb'"e":"(\w+)"')
_SYMBOL: Final = re.compile(rb'"s":"(\w+)"')
_FIRST_ID: Final = re.compile(rb'"U":(\d+)')
_PREVIOUS_ID: Final = re.compile(rb'"pu":(\d+)')


def _cut_short(payload: bytes, rng: Random) -> bytes:
    return payload[: rng.randrange(1, len(payload))]


def _garbled(payload: bytes, rng: Random) -> bytes:
    at = rng.randrange(1, len(payload) - 1)
    return payload[:at] + b"\xff\xfe\x00" + payload[at + 1 :]


def _number(payload: bytes, rng: Random, text: bytes, *, quoted: bool = True) -> bytes:
    for pattern in (_FIELD, _PRICE):
        found = pattern.search(payload)
        if found is not None:
            start, end = found.span(found.re.groups)
            return payload[:start] + text + payload[end:] if quoted else payload[: start - 1] + text + payload[end + 1 :]
    return _cut_short(payload, rng)


def _not_a_number(payload: bytes, rng: Random) -> bytes:
    return _number(payload, rng, b"NaN")


def _infinite(payload: bytes, rng: Random) -> bytes:
    return _number(payload, rng, b"Infinity")


def _negative(payload: bytes, rng: Random) -> bytes:
    return _number(payload, rng, b"-1.00000000")


def _bare(payload: bytes, rng: Random) -> bytes:
    return _number(payload, rng, b"1.5", quoted=False)


def _unknown_type(payload: bytes, rng: Random) -> bytes:
    found = _TYPE.search(payload)
    return _cut_short(payload, rng) if found is None else payload[: found.start(1)] + b"surprise" + payload[found.end(1) :]


def _foreign_symbol(payload: bytes, rng: Random) -> bytes:
    found = _SYMBOL.search(payload)
    return _cut_short(payload, rng) if found is None else payload[: found.start(1)] + b"NOSUCHUSDT" + payload[found.end(1) :]


def _empty(payload: bytes, rng: Random) -> bytes:  # noqa: ARG001 (all of them are called alike)
    return b"{}"


CORRUPTIONS: Final[dict[str, Callable[[bytes, Random], bytes]]] = {
    "cut_short": _cut_short,
    "garbled": _garbled,
    "nan": _not_a_number,
    "infinity": _infinite,
    "negative": _negative,
    "bare_number": _bare,
    "unknown_type": _unknown_type,
    "foreign_symbol": _foreign_symbol,
    "empty": _empty,
}


def corrupt(payload: bytes, rng: Random) -> tuple[str, bytes]:
    """A broken copy, and what was done to it."""
    name = rng.choice(list(CORRUPTIONS))
    return name, CORRUPTIONS[name](payload, rng)


def shift_chain(payload: bytes) -> bytes | None:
    """A diff that seems to follow one that nobody got: ``U``, on USD-M ``pu``, one higher. None if it is no diff."""
    found = _PREVIOUS_ID.search(payload) or _FIRST_ID.search(payload)
    if found is None:
        return None
    return payload[: found.start(1)] + b"%d" % (int(found[1]) + 1) + payload[found.end(1) :]
