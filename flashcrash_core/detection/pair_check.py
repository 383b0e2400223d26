"""One check over all answers of a row: are they tuples of plain floats of the declared lengths, and none infinite?

Looking at every float by itself costs as much as a cheap indicator. ``marshal`` writes exact types and nothing else (a subclass is
refused or gets another tag), in a fixed layout and without running code of the values. So the bytes of all answers together are one
large integer that must equal a template under a mask, and under it an exponent of all ones shows too: an infinity, or a NaN.
"""

from collections.abc import Sequence
from marshal import dumps
from math import inf
from struct import pack
from typing import Any, Final

__all__ = ["PairCheck"]

_PLAIN: Final = 2
"""Marshal's last format without references: equal types give equal layouts."""
_FLOAT_BYTES: Final = 8
_EXPONENT: Final = 0x7FF0_0000_0000_0000
_EXPONENT_ONE: Final = 0x0010_0000_0000_0000
_QUIET: Final = 0x0008_0000_0000_0000
_NAN: Final = _EXPONENT | _QUIET
_SIGN: Final = 0x8000_0000_0000_0000
_from_bytes: Final = int.from_bytes
_INFINITIES: Final = tuple(dumps(x, _PLAIN) for x in (inf, -inf))


class PairCheck:
    """Checks lists of pairs with the given numbers of statistics and baselines."""

    __slots__ = ("_compared", "_expected", "_known", "_looked_at", "_ones", "_places", "_structure", "_template")

    def __init__(self, shapes: Sequence[tuple[int, int]]) -> None:
        image = dumps([((1.0,) * statistics, (1.0,) * baselines) for statistics, baselines in shapes], _PLAIN)
        fixed = bytearray(b"\xff" * len(image))
        self._places: list[int] = []
        at = 5  # the list's tag and its length
        for shape in shapes:
            at += 5  # the pair's own
            for number in shape:
                at += 5
                for _ in range(number):
                    self._places.append(8 * (at + 1))
                    fixed[at + 1 : at + 1 + _FLOAT_BYTES] = bytes(_FLOAT_BYTES)
                    at += 1 + _FLOAT_BYTES
        self._known = at == len(image) and _layout_is_known()
        """Where not, every row gets the closer look: slower, and as safe."""
        self._structure = int.from_bytes(fixed, "little")
        self._template = int.from_bytes(image, "little") & self._structure
        self._ones = sum(_EXPONENT_ONE << place for place in self._places)
        self._expect_missing(0)

    def _expect_missing(self, number: int) -> None:
        """From now on the NaNs of ``number`` are expected in the same places, and finite floats in all others."""
        missing = [place for place in self._places if (number >> place) & _NAN == _NAN]
        told = sum((_SIGN | _QUIET) << place for place in missing)
        quiet = sum(_QUIET << place for place in missing)
        self._looked_at = self._structure | quiet | sum(_EXPONENT << place for place in self._places)
        self._compared = self._structure | quiet | sum(_SIGN << place for place in self._places)
        self._expected = self._template | told

    def sound(self, pairs: list[Any]) -> bool:
        """Whether all are as declared. False also where only a closer look can tell."""
        if not self._known:
            return False
        try:
            image = dumps(pairs, _PLAIN)
        except ValueError:  # something that marshal does not write, or too deep a nest
            return False
        # One added to an exponent of all ones carries into the place of the sign, which was masked out before.
        seen = (_from_bytes(image, "little") & self._looked_at) + self._ones
        if seen & self._compared == self._expected:
            return True
        number = int.from_bytes(image, "little")
        if number & self._structure != self._template or _INFINITIES[0] in image or _INFINITIES[1] in image:
            return False
        self._expect_missing(number)  # as long as the same ones are missing, the quick way sees it
        return True


class _Subclass(float):
    """Must not be written as a float is."""


def _layout_is_known() -> bool:
    """Whether this interpreter writes as this module reads: tags of one byte, lengths of four, floats with the little end first."""
    try:
        return dumps([(1.5,)], _PLAIN) == b"[\1\0\0\0(\1\0\0\0g" + pack("<d", 1.5) and b"g" not in dumps(_Subclass(1.5), _PLAIN)
    except ValueError:  # refused, as well
        return True
