"""Signatures: every vector of reference/binance.md section 5, and a secret that no signer gives away."""

import base64
import contextlib
import copy
import pickle
import sys
from typing import Any

import pytest

from flashcrash_binance.trading.signing import (
    Signer,
    ed25519_signer,
    hmac_signer,
    rsa_signer,
    signed_params,
    signed_query,
)
from flashcrash_core.api import CredentialError, UsageError

# The venue's published samples, no account's.
KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
SEED = "8244616b4606b8400a66fd0efcbea9af1611fd2540e975b3808b20007d9bcf6e"
KEY_2 = "4yNzx3yWC5bS6YTwEkSRaC0nRmSQIIStAUOh1b6kqaBrTLIhjCpI5lJH8q8R8WNO"
WIDE = "１２３４５６"  # noqa: RUF001

Params = dict[str, str | int]


def order(symbol: str) -> Params:
    return {
        "symbol": symbol, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 1, "price": "0.1",
        "recvWindow": 5000, "timestamp": 1499827319559,
    }  # fmt: skip


W1: Params = {
    "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01000000", "price": "52000.00",
    "recvWindow": 100, "timestamp": 1645423376532,
}  # fmt: skip
W2: Params = {
    "symbol": WIDE, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.00000000", "price": "0.10000000",
    "recvWindow": 5000, "timestamp": 1645423376532,
}  # fmt: skip
W3: Params = {
    "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.00847000", "price": "23416.10000000",
    "timestamp": 1660801715431,
}  # fmt: skip
W4: Params = {"symbol": "BTCUSDT", "origClientOrderId": "4d96324ff9d44481926157", "timestamp": 1660801715830}
LOGON: Params = {"timestamp": 1649729878532}
E1: Params = {
    "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": 1, "price": "0.2",
    "timestamp": 1668481559918, "recvWindow": 5000,
}  # fmt: skip


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        pytest.param(order("LTCBTC"), "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71", id="H1"),
        pytest.param(order(WIDE), "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3", id="H2"),
        pytest.param({"timestamp": 1578963600000}, "d84e6641b1e328e7b418fff030caed655c266299c9355e36ce801ed14631eed4", id="H4"),
    ],
)
def test_rest_hmac_vectors(params: Params, signature: str) -> None:
    """A REST query is percent-encoded first and signed then, with the signature last."""
    query = signed_query(hmac_signer(KEY, SECRET), params)
    assert query.endswith(f"&signature={signature}")
    assert query.isascii()


def test_a_query_split_from_its_body_is_signed_as_joined() -> None:
    """H3: query and body are signed as they stand, with nothing between them."""
    payload = b"symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    assert hmac_signer(KEY, SECRET).sign(payload) == "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77"


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        pytest.param(W1, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24", id="W1"),
        pytest.param(W2, "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd", id="W2"),
        pytest.param(W3, "15af09e41c36f3cc61378c2fbe2c33719a03dd5eba8d0f9206fbda44de717c88", id="W3"),
        pytest.param(W4, "33d5b721f278ae17a52f004a82a6f68a70c68e7dd6776ed0be77a455ab855282", id="W4"),
        pytest.param(LOGON, "1cf54395b336b0a9727ef27d5d98987962bc47aca6e13fe978612d0adee066ed", id="W5"),
    ],
)
def test_websocket_hmac_vectors(params: Params, signature: str) -> None:
    """WebSocket parameters are signed sorted by name in raw UTF-8, whatever order they came in."""
    signer = hmac_signer(KEY, SECRET)
    for given in (params, dict(reversed(params.items()))):
        signed = signed_params(signer, given)
        assert signed["signature"] == signature
        assert list(signed) == [*sorted([*params, "apiKey"]), "signature"]
        assert {name: signed[name] for name in params} == params


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        pytest.param(E1, "inDT086KVIP8vgUfw5sV3VTkescWztiAGlf4x8FLKHM4NInsn0c1kYVLoGMO8cyjfR6vmTku2YQE0gtfVVlfCw==", id="E1"),
        pytest.param(
            {**E1, "symbol": WIDE},
            "vECjNXSlVOz1DskXXQ866KhikKY8cxajBXKAU0COlYYemqEr45TXiRS/jNB3LyHHh48pu7z2S6pTFhmhWNRBBw==",
            id="E2",
        ),
    ],
)
def test_rest_ed25519_vectors(params: Params, signature: str) -> None:
    """An Ed25519 signature is base64, percent-encoded in the query."""
    pytest.importorskip("cryptography")
    query = signed_query(ed25519_signer(KEY_2, SEED), params)
    encoded = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
    assert query.endswith(f"&signature={encoded}")


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        pytest.param(W1, "82wlF5RobwT7JZehRQgOaupNEm5GrAqJj5tqZeCCE6ZxkhlUbWBThOx00q3FVnCKn882P+9p85phztjk4bOMAQ==", id="E3"),
        pytest.param(W2, "c54NpyUZhXB0TQWxM60+OHcwRu50TfjPg5I3J3mPeFasLGjHZnuNGE6Ych+fRF6te6sr6URRF4lxUmYXbQ/rCA==", id="E4"),
        pytest.param(LOGON, "cGkloHLHGGNbrduoWDYBlzIPwRHyDVYVfCE0rDkPwKdKedurBgm2JNWRkwloQDBFG6Mcloavo1siYfEtZbV/Ag==", id="E5"),
    ],
)
def test_websocket_ed25519_vectors(params: Params, signature: str) -> None:
    """On the WebSocket API the base64 stands as it is."""
    pytest.importorskip("cryptography")
    assert signed_params(ed25519_signer(KEY_2, SEED), params)["signature"] == signature


def test_the_venues_own_ed25519_sample() -> None:
    """E0: the one sample of the documentation whose key is published."""
    pytest.importorskip("cryptography")
    payload = "\x01".join(["A", "EXAMPLE", "SPOT", "1", "20240627-11:17:25.223"]).encode()
    expected = "4MHXelVVcpkdwuLbl6n73HQUXUf1dse2PCgT1DYqW9w8AVZ1RACFGM+5UdlGPrQHrgtS3CvsRURC1oj73j8gCA=="
    assert ed25519_signer(KEY_2, SEED).sign(payload) == expected
    assert ed25519_signer(KEY_2, bytes.fromhex(SEED)).sign(payload) == expected


def crypto(module: str) -> Any:
    """A module of the package that a user need not have."""
    return pytest.importorskip(f"cryptography.hazmat.primitives.{module}")


def pem_of(private: Any, passphrase: bytes | None = None) -> bytes:
    serialization = crypto("serialization")
    encryption: Any = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    made: bytes = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return made


def test_a_pem_signs_as_its_seed() -> None:
    """An Ed25519 key in PEM gives the signatures of its seed; an encrypted or a wrong one is refused in words."""
    ec, ed25519 = crypto("asymmetric.ec"), crypto("asymmetric.ed25519")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(SEED))
    assert ed25519_signer(KEY_2, pem_of(private)).sign(b"x") == ed25519_signer(KEY_2, SEED).sign(b"x")
    assert ed25519_signer(KEY_2, pem_of(private).decode()).sign(b"x") == ed25519_signer(KEY_2, SEED).sign(b"x")
    with pytest.raises(CredentialError, match="encrypted"):
        ed25519_signer(KEY_2, pem_of(private, b"passphrase"))
    with pytest.raises(CredentialError, match="not an Ed25519 key"):
        ed25519_signer(KEY_2, pem_of(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(CredentialError, match="cannot be read") as raised:
        ed25519_signer(KEY_2, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0c2VjcmV0\n-----END PRIVATE KEY-----\n")
    assert "c2VjcmV0" not in str(raised.value)


def test_an_rsa_signature_verifies_and_repeats() -> None:
    """RSA: the public half verifies the signature, and the same payload gives the same signature."""
    hashes, padding, rsa = crypto("hashes"), crypto("asymmetric.padding"), crypto("asymmetric.rsa")
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signer = rsa_signer(KEY_2, pem_of(private))
    signature = signer.sign(b"timestamp=1")
    private.public_key().verify(base64.b64decode(signature), b"timestamp=1", padding.PKCS1v15(), hashes.SHA256())
    assert signer.sign(b"timestamp=1") == signature
    assert signer.kind == "rsa"


def test_without_cryptography_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ed25519 and RSA name the missing package; HMAC works without it."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(UsageError, match="pip install cryptography"):
        ed25519_signer(KEY_2, SEED)
    with pytest.raises(UsageError, match="pip install cryptography"):
        rsa_signer(KEY_2, "pem")
    assert hmac_signer(KEY, SECRET).kind == "hmac"


def test_booleans_are_signed_as_json_writes_them() -> None:
    """True is signed as ``true``; a float is refused, as is a second signature."""
    signer = hmac_signer(KEY, SECRET)
    assert signed_params(signer, {"a": True})["signature"] == signer.sign(f"a=true&apiKey={KEY}".encode())
    wrong: Any = {"price": 0.1}
    with pytest.raises(TypeError, match="price is a float"):
        signed_query(signer, wrong)
    with pytest.raises(ValueError, match="signed already"):
        signed_params(signer, {"signature": "x"})


def test_reserved_characters_are_encoded_before_signing() -> None:
    """What has a meaning in a query is encoded in names and values, and the signature covers the encoded form."""
    signer = hmac_signer(KEY, SECRET)
    query = signed_query(signer, {"symbols": '["A&B","C=D"]', "note": "a b+c/d"})
    payload, _, signature = query.rpartition("&signature=")
    assert payload == "symbols=%5B%22A%26B%22%2C%22C%3DD%22%5D&note=a%20b%2Bc%2Fd"
    assert signature == signer.sign(payload.encode())


def signers() -> list[Signer]:
    made = [hmac_signer(KEY, SECRET)]
    with contextlib.suppress(UsageError):
        made.append(ed25519_signer(KEY, SEED))
    return made


def test_no_signer_gives_its_secret_away() -> None:
    """Neither repr, nor str, nor its attributes hold the secret or the whole key; it is neither pickled nor copied."""
    for signer in signers():
        shown = f"{signer!r} {signer} {[getattr(signer, name) for name in dir(signer) if name.startswith('_') and name != '_key']}"
        assert SECRET not in shown
        assert SEED not in shown
        assert KEY not in repr(signer)
        assert not hasattr(signer, "__dict__")
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="neither pickled nor copied"):
                take(signer)


@pytest.mark.parametrize(
    ("key", "secret"), [("", SECRET), (KEY, ""), (f"{KEY}\n", SECRET), (KEY, f" {SECRET}"), ("schlüssel", SECRET)]
)
def test_what_cannot_be_a_key_is_refused_without_quoting_it(key: str, secret: str) -> None:
    """An empty key or secret, or one with spaces, is refused; the message does not hold the secret."""
    with pytest.raises(CredentialError) as raised:
        hmac_signer(key, secret)
    assert SECRET not in str(raised.value)
