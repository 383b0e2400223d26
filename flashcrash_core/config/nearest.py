"""The nearest known name, for messages about unknown ones."""

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean", "nearest"]


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that ``name`` was probably meant to be; None when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    near += difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    near += [candidate for candidate in names if len(name) >= 3 and candidate.startswith(name)]
    return near[0] if near else None


def did_you_mean(name: str, known: Iterable[str], *, what: str = "known names") -> str:
    """``did you mean "x"?``, or the list of known names when none is near."""
    names = sorted(known)
    near = nearest(name, names)
    if near is not None:
        return f'did you mean "{near}"?'
    return f"{what}: {', '.join(names)}" if names else f"{what}: none"
