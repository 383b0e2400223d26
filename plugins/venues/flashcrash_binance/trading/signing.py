"""Signatures of Binance's REST and WebSocket API: HMAC-SHA256, Ed25519 and RSA (reference/binance.md sections 4 and 5).

What is signed differs: REST signs the percent-encoded query exactly as it is sent, the WebSocket API signs all parameters sorted by
name, in raw UTF-8. A signer holds its secret where neither ``repr`` nor ``pickle`` nor a walk over its attributes finds it.
"""

import base64
import hashlib
import hmac
import importlib
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NoReturn, Protocol
from urllib.parse import quote

from flashcrash_core.api import CredentialError, UsageError

__all__ = ["Signer", "SignerKind", "ed25519_signer", "hmac_signer", "rsa_signer", "signed_params", "signed_query"]

SignerKind = Literal["hmac", "ed25519", "rsa"]

_KEY: Final = re.compile(r"[!-~]{1,256}")
_SEED: Final = re.compile(r"[0-9a-fA-F]{64}")
_SHOWN: Final = 4


class Signer(Protocol):
    """An API key that can sign. ``sign`` gives hexadecimal digits (HMAC) or base64 (Ed25519, RSA), not percent-encoded."""

    @property
    def key(self) -> str:
        """The API key: goes into ``X-MBX-APIKEY`` or ``apiKey``."""
        ...

    @property
    def kind(self) -> SignerKind:
        """How it signs; only ``ed25519`` can log a session on."""
        ...

    def sign(self, payload: bytes) -> str:
        """The signature of exactly these bytes."""
        ...


class _KeySigner:
    """A key and a function that signs; the secret lives in that function only."""

    __slots__ = ("_key", "_kind", "_sign")

    def __init__(self, key: str, kind: SignerKind, sign: Callable[[bytes], str]) -> None:
        if not _KEY.fullmatch(key):
            raise CredentialError(
                "the Binance API key is empty or has characters that no key has; copy it once more from the API management"
            )
        self._key = key
        self._kind: SignerKind = kind
        self._sign = sign

    @property
    def key(self) -> str:
        return self._key

    @property
    def kind(self) -> SignerKind:
        return self._kind

    def sign(self, payload: bytes) -> str:
        return self._sign(payload)

    def __repr__(self) -> str:
        return f"<{self._kind} signer of key {self._key[:_SHOWN]}...>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a signer is neither pickled nor copied: its secret stays in this process")


def hmac_signer(key: str, secret: str) -> Signer:
    """Signs with HMAC-SHA256, in lower-case hexadecimal digits. Raises CredentialError for a key or secret that cannot be one."""
    if not _KEY.fullmatch(secret):
        raise CredentialError(
            "the Binance API secret is empty or has characters that no secret has; copy it once more, without spaces or quotes"
        )
    prepared = hmac.new(secret.encode("ascii"), digestmod=hashlib.sha256)

    def sign(payload: bytes) -> str:
        mac = prepared.copy()
        mac.update(payload)
        return mac.hexdigest()

    return _KeySigner(key, "hmac", sign)


def ed25519_signer(key: str, private_pem_or_seed: str | bytes) -> Signer:
    """Signs with Ed25519, in base64.

    ``private_pem_or_seed`` is an unencrypted PEM (PKCS#8), the seed in 64 hexadecimal digits, or its 32 bytes. Raises
    CredentialError for another one, UsageError where the package ``cryptography`` is missing.
    """
    ed25519 = _cryptography("hazmat.primitives.asymmetric.ed25519", "an Ed25519 key")
    given = private_pem_or_seed
    seed = (given if isinstance(given, str) else given.decode("latin-1")).strip()
    if isinstance(given, bytes) and len(given) == 32:
        private: Any = ed25519.Ed25519PrivateKey.from_private_bytes(given)
    elif _SEED.fullmatch(seed):
        private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    else:
        private = _loaded_pem(given, "Ed25519")
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise CredentialError("the private key is not an Ed25519 key; make one with `openssl genpkey -algorithm ed25519`")
    signature: Callable[[bytes], bytes] = private.sign
    return _KeySigner(key, "ed25519", lambda payload: base64.b64encode(signature(payload)).decode("ascii"))


def rsa_signer(key: str, private_pem: str | bytes) -> Signer:
    """Signs with RSASSA-PKCS1-v1_5 and SHA-256, in base64. Raises CredentialError and UsageError like :func:`ed25519_signer`."""
    rsa = _cryptography("hazmat.primitives.asymmetric.rsa", "an RSA key")
    padding: Any = _cryptography("hazmat.primitives.asymmetric.padding", "an RSA key").PKCS1v15()
    digest: Any = _cryptography("hazmat.primitives.hashes", "an RSA key").SHA256()
    private = _loaded_pem(private_pem, "RSA")
    if not isinstance(private, rsa.RSAPrivateKey):
        raise CredentialError("the private key is not an RSA key; Binance takes RSA keys of 2048 or 4096 bits in PKCS#8")
    return _KeySigner(key, "rsa", lambda payload: base64.b64encode(private.sign(payload, padding, digest)).decode("ascii"))


def signed_query(signer: Signer, params: Mapping[str, str | int]) -> str:
    """The query or form body of a signed REST request: percent-encoded first, signed then, ``signature`` last.

    Keeps the order of ``params``; ``timestamp`` is the caller's to give. Raises TypeError for a value that is neither str nor int:
    a float would have lost digits.
    """
    query = "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in _texts(params))
    return f"{query}&signature={quote(signer.sign(query.encode('ascii')), safe='')}"


def signed_params(signer: Signer, params: Mapping[str, str | int]) -> dict[str, str | int]:
    """The parameters of a signed WebSocket API request: with ``apiKey``, sorted by name, ``signature`` last.

    Signed as raw UTF-8, each value as it will stand in the JSON. Raises TypeError like :func:`signed_query`.
    """
    complete: dict[str, str | int] = dict(sorted({**params, "apiKey": signer.key}.items()))
    payload = "&".join(f"{name}={text}" for name, text in _texts(complete))
    complete["signature"] = signer.sign(payload.encode("utf-8"))
    return complete


def _texts(params: Mapping[str, str | int]) -> list[tuple[str, str]]:
    if "signature" in params:
        raise ValueError("the parameters are signed already; sign what stands without 'signature'")
    texts: list[tuple[str, str]] = []
    for name, value in params.items():
        if isinstance(value, bool):
            texts.append((name, "true" if value else "false"))  # as JSON writes it; str(False) breaks the signature
        elif isinstance(value, str | int):
            texts.append((name, str(value)))
        else:
            raise TypeError(f"parameter {name} is a {type(value).__name__}; give a str (decimals) or an int")
    return texts


def _cryptography(module: str, what: str) -> Any:
    try:
        return importlib.import_module(f"cryptography.{module}")
    except ImportError:
        raise UsageError(
            f"{what} of Binance needs the package cryptography, which is not installed; run `pip install cryptography`, or use an "
            "HMAC key (FLASHCRASH_BINANCE_SECRET)"
        ) from None


def _loaded_pem(given: str | bytes, kind: str) -> Any:
    serialization = _cryptography("hazmat.primitives.serialization", f"an {kind} key")
    pem = given.encode("utf-8", "replace") if isinstance(given, str) else given
    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise CredentialError(
            f"the {kind} private key is encrypted; give one without a passphrase in a file that only you can read (mode 0600)"
        ) from None
    except Exception:  # the library raises several kinds, and their texts may quote the key
        raise CredentialError(
            f"the {kind} private key cannot be read; it must be a PEM file that begins with -----BEGIN PRIVATE KEY-----"
        ) from None
