"""The peers' own virtual environments: made once under the work folder, versions pinned, from the index that pip is set to."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from attrs import frozen

__all__ = ["Peer", "PeerUnavailable", "environment", "hftbacktest", "nautilus"]

_HFTBACKTEST: Final = ("hftbacktest==2.4.4", "numba==0.68.1", "numpy==2.2.6")
_NAUTILUS: Final = {
    (3, 11): ("nautilus_trader==1.221.0", "numpy==2.4.6", "pandas==2.3.3"),
    (3, 12): ("nautilus_trader==1.231.0",),
}
"""The newest that installs on a Python: later versions than 1.221.0 need 3.12."""


class PeerUnavailable(Exception):
    """The peer cannot be installed here; says why."""


@frozen
class Peer:
    """What to install, and the Python to install it for."""

    name: str
    pins: tuple[str, ...]
    python: str
    note: str = ""


def hftbacktest() -> Peer:
    """The fastest peer, on this Python."""
    return Peer("hftbacktest", _HFTBACKTEST, sys.executable)


def nautilus(python: str = sys.executable) -> Peer:
    """NautilusTrader for ``python``. Raises PeerUnavailable for one that no pinned version installs on."""
    version = _version_of(python)
    known = [one for one in _NAUTILUS if one <= version]
    if not known:
        raise PeerUnavailable(f"NautilusTrader: no pinned version installs on Python {version[0]}.{version[1]}")
    newest = max(_NAUTILUS)
    note = "" if max(known) == newest else (
        f"{_NAUTILUS[max(known)][0]} is the newest on Python {version[0]}.{version[1]}; {_NAUTILUS[newest][0]} needs "
        f"{newest[0]}.{newest[1]} (--nautilus-python)"
    )  # fmt: skip
    return Peer("nautilus", _NAUTILUS[max(known)], python, note)


def environment(peer: Peer, work: Path) -> Path:
    """Path of the peer's Python; makes the environment at the first call. Raises PeerUnavailable with pip's last words."""
    identity = hashlib.sha256(repr((peer.pins, _version_of(peer.python))).encode()).hexdigest()[:10]
    folder = work / f"env-{peer.name}-{identity}"
    python = folder / "bin" / "python"
    stamp = folder / ".installed"
    if stamp.exists():
        return python
    print(f"installing {', '.join(peer.pins)} into its own environment ...", file=sys.stderr, flush=True)
    for command in (
        [peer.python, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.pins],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            raise PeerUnavailable(f"{peer.name} cannot be installed: {''.join(last)}")
    stamp.touch()
    return python


def _version_of(python: str) -> tuple[int, int]:
    if python == sys.executable:
        return sys.version_info[:2]
    command = [python, "-c", "import sys; print(*sys.version_info[:2])"]
    try:
        major, minor = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        raise PeerUnavailable(f"{python}: is no Python that runs ({error}); name another with --nautilus-python") from None
    return int(major), int(minor)
