"""API keys of the account, their rights, and whether a signature is theirs (reference/binance.md sections 4 and 9).

Written apart from the signing of the client side, so that a mistake in one does not hide in the other.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final, Literal
from urllib.parse import unquote_to_bytes

from attrs import evolve, field, frozen

from flashcrash_binance.exchange.rest import ApiError
from flashcrash_core.api import UsageError

__all__ = ["RIGHTS", "ApiKey", "KeyRights", "check_format", "generated_keys", "rest_payload", "rights_of", "socket_payload"]

_LETTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@frozen(kw_only=True)
class KeyRights:
    """What a key may do, as apiRestrictions tells it."""

    ip_restrict: bool = True
    reading: bool = True
    trading: bool = True
    withdrawals: bool = False
    internal_transfer: bool = False
    universal_transfer: bool = False
    margin: bool = False
    futures: bool = False
    options: bool = False

    def to_json(self, created_ms: int) -> dict[str, Any]:
        """The answer of apiRestrictions."""
        return {
            "ipRestrict": self.ip_restrict,
            "createTime": created_ms,
            "enableReading": self.reading,
            "enableSpotAndMarginTrading": self.trading,
            "enableWithdrawals": self.withdrawals,
            "enableInternalTransfer": self.internal_transfer,
            "permitsUniversalTransfer": self.universal_transfer,
            "enableMargin": self.margin,
            "enableFutures": self.futures,
            "enableVanillaOptions": self.options,
            "enablePortfolioMarginTrading": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
        }


RIGHTS: Final = (
    "ip_restrict", "reading", "trading", "withdrawals", "internal_transfer", "universal_transfer", "margin", "futures", "options",
)  # fmt: skip


def rights_of(text: str) -> KeyRights:
    """Rights from words such as ``withdrawals,-ip_restrict``, on top of what a good trading key has. Raises UsageError."""
    rights = KeyRights()
    for word in filter(None, (one.strip() for one in text.split(","))):
        name = word.removeprefix("-")
        if name not in RIGHTS:
            raise UsageError(f"--key-rights {word}: no such right; choose from {', '.join(RIGHTS)}, each with a - to take it away")
        rights = evolve(rights, **{name: not word.startswith("-")})
    return rights


@frozen
class ApiKey:
    """One key. ``secret`` is the HMAC secret, or the seed of an Ed25519 key as hexadecimal digits."""

    key: str
    kind: Literal["hmac", "ed25519"]
    secret: str = field(repr=False)

    def signed(self, payload: bytes, signature: str) -> bool:
        """Whether the signature is this key's."""
        if self.kind == "hmac":
            right = hmac.new(self.secret.encode(), payload, hashlib.sha256).hexdigest()
            return hmac.compare_digest(right.encode(), signature.lower().encode("utf-8", "replace"))
        try:
            given = base64.b64decode(signature.encode("utf-8", "replace"), validate=True)
        except (binascii.Error, ValueError):
            return False
        return _ed25519_signed(self.secret, payload, given)


def generated_keys(seed: int) -> tuple[ApiKey, ApiKey]:
    """The account's HMAC and Ed25519 keys, the same for the same seed."""
    return (
        ApiKey(_text(f"key {seed}"), "hmac", _text(f"secret {seed}")),
        ApiKey(_text(f"ed25519 key {seed}"), "ed25519", hashlib.sha256(f"ed25519 seed {seed}".encode()).hexdigest()),
    )


def rest_payload(query: bytes, body: bytes) -> tuple[bytes, str]:
    """What a REST request signed, byte for byte as it came, and the signature in it (empty: none)."""
    signature = b""
    parts: list[bytes] = []
    for source in (body, query):  # the query's signature wins
        kept = []
        for part in source.split(b"&"):
            if part.startswith(b"signature="):
                signature = part[len(b"signature=") :]
            else:
                kept.append(part)
        parts.insert(0, b"&".join(kept))
    return b"".join(parts), unquote_to_bytes(signature.replace(b"+", b"%2B")).decode("ascii", "replace")


def socket_payload(params: Mapping[str, str]) -> bytes:
    """What a request of the WebSocket API signs: all parameters by name, not percent-encoded."""
    text = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
    return text.encode("utf-8", "replace")  # JSON may hold half a surrogate pair, which nobody can have signed


def check_format(key: str) -> None:
    """Raise ApiError -2014 for what cannot be a key."""
    if not (len(key) == 64 and key.isascii() and key.isalnum()):
        raise ApiError(-2014, "API-key format invalid.", 401)


@cache
def _public_key(seed_hex: str) -> Any:
    try:
        keys = import_module("cryptography.hazmat.primitives.asymmetric.ed25519")
    except ImportError:
        raise ApiError(-1020, "This operation is not supported: Ed25519 keys need the package cryptography here.") from None
    return keys.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed_hex)).public_key()


def _ed25519_signed(seed_hex: str, payload: bytes, signature: bytes) -> bool:
    public = _public_key(seed_hex)
    refused = import_module("cryptography.exceptions").InvalidSignature
    try:
        public.verify(signature, payload)
    except refused:
        return False
    return True


def _text(what: str) -> str:
    number = int.from_bytes(hashlib.sha512(f"flashcrash exchange {what}".encode()).digest(), "big")
    letters = []
    for _ in range(64):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(letters)
