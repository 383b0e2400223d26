"""Where the API key of an account comes from: the environment, a file that only its owner can read, or the system's keyring.

Never from the configuration, the command line or the database: those are shown, logged and copied. No message of this module holds
a secret, nor the contents of a line.
"""

import importlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from flashcrash_binance.trading.signing import Signer, ed25519_signer, hmac_signer
from flashcrash_core.api import CredentialError

__all__ = ["KEY_VARIABLE", "PRIVATE_KEY_VARIABLE", "SECRET_VARIABLE", "load_credentials"]

KEY_VARIABLE: Final = "FLASHCRASH_BINANCE_KEY"
SECRET_VARIABLE: Final = "FLASHCRASH_BINANCE_SECRET"
PRIVATE_KEY_VARIABLE: Final = "FLASHCRASH_BINANCE_PRIVATE_KEY_FILE"
"""Path of an Ed25519 private key in PEM; held to the same rules as a key file."""

_LARGEST_BYTES: Final = 16_384


def load_credentials(*, environment: Mapping[str, str], file: Path | None, keyring_service: str = "") -> Signer:
    """The signer of the account's key: from the environment if it names one, else the key file, else the keyring.

    A key file has two lines, ``key=...`` and ``secret=...``; the keyring has the passwords ``key`` and ``secret`` of the service.
    Raises CredentialError (missing, incomplete, unsafe) and UsageError (a package is missing); neither ever holds a secret.
    """
    given = [name for name in (KEY_VARIABLE, SECRET_VARIABLE, PRIVATE_KEY_VARIABLE) if environment.get(name)]
    if given:
        return _from_environment(environment, given)
    if file is not None:
        return _from_file(file)
    if keyring_service:
        return _from_keyring(keyring_service)
    raise CredentialError(
        f"no Binance API key: set {KEY_VARIABLE} and {SECRET_VARIABLE} (or {PRIVATE_KEY_VARIABLE}) in the environment, or name a "
        "key file (mode 0600, lines key=... and secret=...) or a keyring service"
    )


def _from_environment(environment: Mapping[str, str], given: list[str]) -> Signer:
    if KEY_VARIABLE not in given:
        raise CredentialError(f"{given[0]} is set, but {KEY_VARIABLE} is not; set both")
    if len(given) == 1:
        raise CredentialError(f"{KEY_VARIABLE} is set alone; set {SECRET_VARIABLE} or {PRIVATE_KEY_VARIABLE} with it")
    if len(given) == 3:
        raise CredentialError(f"{SECRET_VARIABLE} and {PRIVATE_KEY_VARIABLE} are both set; unset the one that is not this key's")
    if SECRET_VARIABLE in given:
        return hmac_signer(environment[KEY_VARIABLE], environment[SECRET_VARIABLE])
    return ed25519_signer(environment[KEY_VARIABLE], _private_bytes(Path(environment[PRIVATE_KEY_VARIABLE])))


def _from_file(path: Path) -> Signer:
    values: dict[str, str] = {}
    try:
        text = _private_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise CredentialError(f"key file {path}: it is not text; write the lines key=... and secret=...") from None
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.partition("=")
        name = name.strip()
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not equals or name not in ("key", "secret"):
            raise CredentialError(f"key file {path}:{number}: this line is neither key=... nor secret=...; it is not shown")
        if name in values:
            raise CredentialError(f"key file {path}:{number}: {name} is given twice; leave one")
        values[name] = value.strip()
    missing = [name for name in ("key", "secret") if not values.get(name)]
    if missing:
        raise CredentialError(f"key file {path}: {' and '.join(missing)} missing; write the lines key=... and secret=...")
    return hmac_signer(values["key"], values["secret"])


def _from_keyring(service: str) -> Signer:
    try:
        keyring: Any = importlib.import_module("keyring")
    except ImportError:
        raise CredentialError(
            f"keyring service {service}: the package keyring is not installed; run `pip install keyring`, or use the environment "
            "or a key file"
        ) from None
    try:
        key, secret = keyring.get_password(service, "key"), keyring.get_password(service, "secret")
    except Exception as error:  # backends raise what they like, and their texts are not ours to show
        raise CredentialError(
            f"keyring service {service}: the keyring cannot be read ({type(error).__name__}); unlock it, or use the environment or "
            "or a key file"
        ) from None
    if not key or not secret:
        raise CredentialError(
            f"keyring service {service}: it has no key or no secret; run `keyring set {service} key`, then `... secret`"
        )
    return hmac_signer(key, secret)


def _private_bytes(path: Path) -> bytes:
    """The contents of a file that nobody else can read or replace. Raises CredentialError."""
    if os.name != "posix":
        raise CredentialError(
            f"key file {path}: on this system its rights cannot be checked; use {KEY_VARIABLE} and {SECRET_VARIABLE}, or a keyring"
        )
    # Opened first and looked at then, so that it cannot be exchanged in between; a pipe must not make us wait.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise CredentialError(f"key file {path}: {_why_not_opened(path, error)}") from None
    try:
        _require_private(path, os.fstat(descriptor))
        content = os.read(descriptor, _LARGEST_BYTES + 1)
    except OSError as error:
        raise CredentialError(f"key file {path}: it cannot be read ({error.strerror}); check the disk") from None
    finally:
        os.close(descriptor)
    if len(content) > _LARGEST_BYTES:
        raise CredentialError(f"key file {path}: it is larger than {_LARGEST_BYTES} bytes; this is no key file")
    return content


def _why_not_opened(path: Path, error: OSError) -> str:
    if path.is_symlink():
        return "it is a symbolic link, which others may point elsewhere; name the file itself"
    return f"it cannot be opened ({error.strerror}); check the path and its rights"


def _require_private(path: Path, found: os.stat_result) -> None:
    folder = path.absolute().parent
    if not stat.S_ISREG(found.st_mode):
        raise CredentialError(f"key file {path}: it is no ordinary file")
    if found.st_uid != os.geteuid():
        raise CredentialError(f"key file {path}: it belongs to another user; make it your own with chown")
    if found.st_mode & 0o177:
        mode = stat.S_IMODE(found.st_mode)
        raise CredentialError(
            f"key file {path}: its mode is {mode:04o}, so that others may read or change it; run `chmod 600 {path}`"
        )
    around = folder.stat()
    if around.st_mode & 0o022 or around.st_uid not in (0, os.geteuid()):
        raise CredentialError(
            f"key file {path}: others may write to its folder {folder} and replace it; move it into one of your own (mode 0700)"
        )
