"""Where keys come from, what is unsafe about a key file, and that no message holds a secret."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from flashcrash_binance.trading.credentials import load_credentials
from flashcrash_binance.trading.signing import Signer, hmac_signer
from flashcrash_core.api import ConfigError, CredentialError

KEY = "k" * 64
CANARY = "canarySecretThatMustNeverBeShown0123456789"
SEED = "8244616b4606b8400a66fd0efcbea9af1611fd2540e975b3808b20007d9bcf6e"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="rights of files")


def signed_with_canary(signer: Signer) -> bool:
    return signer.key == KEY and signer.sign(b"x") == hmac_signer(KEY, CANARY).sign(b"x")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A sound key file in a folder of its own."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    path = folder / "binance.key"
    path.write_text(f"# of the test account\nkey = {KEY}\n\nsecret={CANARY}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def refused(**given: object) -> str:
    """The message of the refusal, which must not hold the secret."""
    values: dict[str, object] = {"environment": {}, "file": None, **given}
    with pytest.raises(CredentialError) as raised:
        load_credentials(**values)  # type: ignore[arg-type]
    assert CANARY not in f"{raised.value!r} {raised.value} {raised.value.__cause__!r}"
    assert isinstance(raised.value, ConfigError)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return str(raised.value)


def test_the_environment_comes_first(key_file: Path) -> None:
    """Key and secret of the environment are taken even where a file is named."""
    environment = {"FLASHCRASH_BINANCE_KEY": KEY, "FLASHCRASH_BINANCE_SECRET": CANARY}
    key_file.write_text("nonsense", encoding="utf-8")
    assert signed_with_canary(load_credentials(environment=environment, file=key_file))


def test_a_private_key_of_the_environment(tmp_path: Path) -> None:
    """An Ed25519 seed or PEM in a file that only its owner can read."""
    pytest.importorskip("cryptography")
    tmp_path.chmod(0o700)
    path = tmp_path / "ed25519"
    path.write_text(f"{SEED}\n")
    path.chmod(0o600)
    environment = {"FLASHCRASH_BINANCE_KEY": KEY, "FLASHCRASH_BINANCE_PRIVATE_KEY_FILE": str(path)}
    assert load_credentials(environment=environment, file=None).kind == "ed25519"
    path.chmod(0o644)
    assert "chmod 600" in refused(environment=environment)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("KEY",), "is set alone"),
        (("SECRET",), "BINANCE_KEY is not"),
        (("PRIVATE_KEY_FILE",), "BINANCE_KEY is not"),
        (("KEY", "SECRET", "PRIVATE_KEY_FILE"), "both set"),
    ],
)
def test_half_an_environment_is_refused(names: tuple[str, ...], told: str, key_file: Path) -> None:
    """An incomplete or ambiguous environment is an error, not a reason to look elsewhere."""
    environment = {f"FLASHCRASH_BINANCE_{name}": CANARY for name in names}
    assert told in refused(environment=environment, file=key_file)


def test_a_key_file_is_read(key_file: Path) -> None:
    """Two lines, with comments and empty ones between; mode 0400 is as good as 0600."""
    assert signed_with_canary(load_credentials(environment={"FLASHCRASH_BINANCE_KEY": ""}, file=key_file))
    key_file.chmod(0o400)
    assert signed_with_canary(load_credentials(environment={}, file=key_file))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o644, 0o666, 0o777, 0o700])
def test_a_file_that_others_can_read_is_refused(key_file: Path, mode: int) -> None:
    """Any right beyond reading and writing by the owner is refused, with the command that helps."""
    key_file.chmod(mode)
    told = refused(file=key_file)
    assert f"{mode:04o}" in told
    assert f"chmod 600 {key_file}" in told


def test_a_link_to_a_key_file_is_refused(key_file: Path) -> None:
    """A symbolic link may be pointed elsewhere."""
    link = key_file.with_name("link")
    link.symlink_to(key_file)
    assert "symbolic link" in refused(file=link)


def test_the_file_of_another_user_is_refused(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns a file can change it."""
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert "another user" in refused(file=key_file)


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o1777, 0o730])
def test_a_folder_that_others_can_write_to_is_refused(key_file: Path, mode: int) -> None:
    """Others could put another file in its place; a sticky folder is no exception."""
    key_file.parent.chmod(mode)
    assert "folder" in refused(file=key_file)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("make", [make_folder, make_pipe])
def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path: Path, make: Callable[[Path], None]) -> None:
    """A folder or a pipe that nobody writes to is refused at once."""
    tmp_path.chmod(0o700)
    make(tmp_path / "thing")
    assert "no ordinary file" in refused(file=tmp_path / "thing")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """The path and the system's reason are named."""
    told = refused(file=tmp_path / "nothing.key")
    assert "nothing.key" in told
    assert "No such file" in told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "key and secret missing"),
        (b"key=k\n", "secret missing"),
        (f"secret={CANARY}\n".encode(), "key missing"),
        (b"key=k\nsecret=\n", "secret missing"),
        (f"{CANARY}\n".encode(), ":1: this line"),
        (f"key=k\nSecret={CANARY}\n".encode(), ":2: this line"),
        (f"key=k\nsecret={CANARY}\nsecret={CANARY}\n".encode(), ":3: secret is given twice"),
        (f"key=k\nsecret=\xff{CANARY}".encode("latin-1"), "not text"),
        (f"key=k\nsecret={CANARY} {CANARY}".encode(), "characters that no secret has"),
        (f"key=k {CANARY}\nsecret={CANARY}".encode(), "characters that no key has"),
        (b"#" * 20_000, "larger than"),
    ],
)
def test_a_broken_key_file_is_told_without_its_contents(key_file: Path, content: bytes, told: str) -> None:
    """The line is named, its contents are not."""
    key_file.write_bytes(content)
    assert told in refused(file=key_file)


def test_without_any_source_all_three_are_named() -> None:
    """The message tells each way to give a key."""
    told = refused()
    assert all(word in told for word in ("FLASHCRASH_BINANCE_KEY", "0600", "keyring"))


def fake_keyring(monkeypatch: pytest.MonkeyPatch, passwords: dict[str, str] | None) -> None:
    module = ModuleType("keyring")

    def get_password(service: str, name: str) -> str | None:
        assert service == "flashcrash"
        if passwords is None:
            raise RuntimeError(CANARY)
        return passwords.get(name)

    module.get_password = get_password  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)


def test_a_keyring_has_key_and_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are asked of the named service."""
    fake_keyring(monkeypatch, {"key": KEY, "secret": CANARY})
    assert signed_with_canary(load_credentials(environment={}, file=None, keyring_service="flashcrash"))


@pytest.mark.parametrize(
    ("passwords", "told"),
    [({"key": KEY}, "no key or no secret"), ({"secret": CANARY}, "no key or no secret"), (None, "RuntimeError")],
)
def test_an_incomplete_or_locked_keyring_is_told(
    monkeypatch: pytest.MonkeyPatch, passwords: dict[str, str] | None, told: str
) -> None:
    """A missing entry names the command that makes it; a backend's error shows its kind only."""
    fake_keyring(monkeypatch, passwords)
    assert told in refused(keyring_service="flashcrash")


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keyring is optional."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install keyring" in refused(keyring_service="flashcrash")
