"""What the user asked for: the options of a run, which of them are configuration keys, and which a resumed run may still have."""

import shlex
from pathlib import Path
from typing import Any, Final

import msgspec
from attrs import field, frozen

from flashcrash_core.errors import UsageError
from flashcrash_core.market.recordings import RecordingOptions

__all__ = ["RunRequest", "harmless_changes", "refuse_changes", "resume_command"]

_OPTION_OF: Final = {
    "run.mode": "--mode",
    "run.speed": "--speed",
    "run.db": "--db",
    "run.symbols": "--symbols",
    "fills.model": "--fills",
}


@frozen(kw_only=True)
class RunRequest:
    """What the user asked for; unset values leave the configuration as it is."""

    mode: str | None = None
    paths: tuple[Path, ...] = ()
    feed: str | None = None
    symbols: tuple[str, ...] = ()
    profile: str | None = None
    plugins: str | None = None
    config_file: Path | None = None
    overrides: tuple[str, ...] = ()
    speed: str | None = None
    duration_s: float | None = None
    db: str | None = None
    fills: str | None = None
    engine: str = "stream"
    """``stream``, ``batch``, or ``auto``: batch where the input has columns and nothing needs every event."""
    cache: bool = True
    """Keep readings of tapes for further trials, and take those that were kept."""
    keep: bool = field(default=True)
    """Keep a session in the database."""
    safe_mode: bool = False
    """Load first-party plugins only."""
    quarantine: tuple[str, ...] = ()
    """Indicator instances that are not called: of a resumed session from where its stored rows end, else from the start."""
    allow_path_plugins: bool = False
    """In mode real, load plugins that cannot be locked all the same."""
    arm: str = ""
    """In mode real: the token that arms this one start."""
    record: RecordingOptions | None = None
    """Keep what a running market says while it is traded."""

    def as_overrides(self) -> list[str]:
        """The options that are configuration keys under another name; ``--set`` comes last and wins."""
        return [f"{key}={value}" for key, value in self._named()] + list(self.overrides)

    def in_their_words(self, problem: str) -> str:
        """A configuration problem, named by the option that was typed instead of the key that it stands for."""
        for key, _ in self._named():
            problem = problem.replace(f"--set {key}: ", f"{_OPTION_OF[key]}: ", 1)
        return problem

    def _named(self) -> list[tuple[str, str]]:
        named: list[tuple[str, str | None]] = [
            ("run.mode", self.mode and f'"{self.mode}"'),
            ("run.speed", self.speed and (self.speed if _is_number(self.speed) else f'"{self.speed}"')),
            ("run.db", None if self.db is None else msgspec.json.encode(self.db).decode()),
            ("fills.model", self.fills and f'"{self.fills}"'),
            ("run.symbols", msgspec.json.encode([s.upper() for s in self.symbols]).decode() if self.symbols else None),
        ]
        return [(key, value) for key, value in named if value]


def harmless_changes(request: RunRequest) -> dict[str, Any]:
    """What a resumed run may change because no decision depends on it: where the database lies now, and how fast it goes."""
    wanted: dict[str, Any] = {}
    if request.db:
        wanted["db"] = request.db
    if request.speed:
        wanted["speed"] = float(request.speed) if _is_number(request.speed) else request.speed
    return wanted


def resume_command(session_id: str, location: str) -> str | None:
    """What to type to go on with a session; None for a database in memory, which is gone with its process."""
    return None if location == ":memory:" else f"flashcrash run --resume {session_id} --db {shlex.quote(location)}"


def refuse_changes(request: RunRequest) -> None:
    given = {
        "--mode": request.mode,
        "--feed": request.feed,
        "--tape": request.paths,
        "--symbols": request.symbols,
        "--profile": request.profile,
        "--plugins": request.plugins,
        "--set": request.overrides,
        "--duration": request.duration_s,
        "--config": request.config_file,
        "--fills": request.fills,
        "--record": request.record,
    }
    named = ", ".join(name for name, value in given.items() if value not in (None, (), ""))
    if named:
        raise UsageError(
            f"--resume goes on with what the session began with; drop {named} (only --db, --speed, --out, --json, --safe-mode, "
            "--quarantine, --allow-path-plugins and --arm may be given)"
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
