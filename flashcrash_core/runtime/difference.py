"""Where two records differ: the one field, instead of two long lines to compare by eye."""

from typing import Any

import msgspec

from flashcrash_core.errors import VerificationError
from flashcrash_core.runtime.records import Record

__all__ = ["Differs", "differs", "same"]


class Differs(VerificationError):
    """A row that comes again is not the stored one. ``difference`` is the same as plain data, for ``--json``."""

    def __init__(self, message: str, difference: dict[str, Any]) -> None:
        super().__init__(message)
        self.difference = difference
        self.session = ""
        """Id of the session, once known."""


def same(a: Record, b: Record) -> bool:
    """Whether two records tell the same."""
    # repr, so that NaN equals NaN; evidence went through JSON, which keeps floats, strings and None exactly.
    return a == b or repr(a) == repr(b)


def differs(now: Record, stored: Record, *, what: str, end: str) -> Differs:
    """The error for two records of one kind: ``what: ... evidence.values.depth: stored 0.79, now 0.89.`` and then ``end``."""
    fields = _fields(msgspec.to_builtins(stored), msgspec.to_builtins(now), "")
    field, before, after = fields[0] if fields else ("row", repr(stored), repr(now))
    more = "" if len(fields) < 2 else f" (and {len(fields) - 1} more: {', '.join(path for path, *_ in fields[1:4])})"
    kind = type(now).__name__.removesuffix("Record").lower()
    symbol = f" of {now.symbol}" if now.symbol else ""
    values = f"stored {_shown(before)}, now {_shown(after)}"
    return Differs(
        f"{what}: at event {now.seq} the {kind}{symbol} is not the one in the database: {field}: {values}{more}. {end}",
        {"seq": now.seq, "t_us": now.t_us, "symbol": now.symbol, "record": kind, "field": field, "stored": before, "now": after},
    )


def _fields(stored: Any, now: Any, path: str) -> list[tuple[str, Any, Any]]:
    """Every leaf that differs, in the order of the stored record."""
    if isinstance(stored, dict) and isinstance(now, dict):
        keys = [*stored, *(key for key in now if key not in stored)]
        return [found for key in keys for found in _fields(stored.get(key), now.get(key), f"{path}.{key}" if path else str(key))]
    if isinstance(stored, list) and isinstance(now, list) and len(stored) == len(now):
        return [found for i, (a, b) in enumerate(zip(stored, now, strict=True)) for found in _fields(a, b, f"{path}[{i}]")]
    return [] if stored == now or repr(stored) == repr(now) else [(path, stored, now)]


def _shown(value: Any) -> str:
    return f"{value!r:.80}" if value is not None else "nothing"
