"""What was found in the data of a tape and kept as it is: counted, with its first place."""

from collections.abc import Callable

from flashcrash_core.market.tape.manifest import Mark

__all__ = ["Marks"]


class Marks:
    """The marks of one tape under way. ``locate`` says which file and line was read last."""

    def __init__(self, locate: Callable[[], str]) -> None:
        self._locate = locate
        self._found: dict[str, Mark] = {}

    def note(self, what: str, row: int, first_us: int | None = None, detail: str = "", count: int = 1) -> None:
        """Count ``what``; the first one gives the place. ``row`` is that of the table ``events``."""
        known = self._found.get(what)
        if known is None:
            place = self._locate()
            where = detail if detail.startswith(place) else ": ".join(part for part in (place, detail) if part)
            self._found[what] = Mark(what, count, row, first_us or None, where)
        else:
            self._found[what] = Mark(what, known.count + count, known.row, known.first_us, known.detail)

    def whole(self, what: str, count: int, detail: str) -> None:
        """Something about the whole tape."""
        self._found[what] = Mark(what, count, detail=detail)

    def listed(self) -> list[Mark]:
        """All of them, by name."""
        return [self._found[what] for what in sorted(self._found)]
