"""The nearest known name, for messages about unknown ones."""

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Iterable[str], *, what: str = "known names") -> str:
    """``did you mean "x"?``, or the list of known names when none is near."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    near += difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.6)
    near += [candidate for candidate in names if len(name) >= 3 and candidate.startswith(name)]
    if near:
        return f'did you mean "{near[0]}"?'
    return f"{what}: {', '.join(names)}" if names else f"{what}: none"
