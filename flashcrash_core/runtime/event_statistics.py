"""Statistics of a few observations, said with their number: shares with an interval, and where the middle and the ends lie.

Pure functions. Shares come with the Wilson 95 % interval (reference section 9.1): 9 of 10 means 0.60 to 0.98, 90 of 100 means
0.83 to 0.94. Numbers are :class:`~decimal.Decimal` in and out, so that no order of summation changes a digit.
"""

from collections.abc import Iterable
from decimal import Decimal
from math import sqrt
from typing import Any, Final

__all__ = ["share", "spread", "wilson"]

_Z95: Final = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""

_DIGITS: Final = Decimal("1e-8")
"""Means and medians are given to this many digits: those of the smallest unit of money."""


def wilson(successes: int, n: int) -> tuple[float, float] | None:
    """Wilson 95 % interval of a share, both ends from 0 to 1; None of nothing. Raises ValueError for more successes than ``n``."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} observations: there cannot be more of them than observations")
    if n == 0:
        return None
    p, z2 = successes / n, _Z95 * _Z95
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z95 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    # The ends of none and of all are exact; rounding must not put them a hair beside.
    low = 0.0 if successes == 0 else max(middle - half, 0.0)
    high = 1.0 if successes == n else min(middle + half, 1.0)
    return low, high


def share(successes: int, n: int) -> dict[str, Any]:
    """A share as ``{"of", "n", "share", "wilson_95"}``, rounded to four digits; ``share`` and interval are None of nothing."""
    interval = wilson(successes, n)
    return {
        "of": successes,
        "n": n,
        "share": round(successes / n, 4) if n else None,
        "wilson_95": None if interval is None else [round(interval[0], 4), round(interval[1], 4)],
    }


def spread(values: Iterable[Decimal]) -> dict[str, Any]:
    """``{"n", "mean", "median", "least", "most"}`` in the unit of the values; None of nothing."""
    ordered = sorted(values)
    n = len(ordered)
    if not n:
        return {"n": 0, "mean": None, "median": None, "least": None, "most": None}
    middle = ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) / 2
    return {
        "n": n,
        "mean": _short(sum(ordered, Decimal(0)) / n),
        "median": _short(middle),
        "least": _short(ordered[0]),
        "most": _short(ordered[-1]),
    }


def _short(value: Decimal) -> Decimal:
    """To eight digits, without trailing zeros, and never in exponent form."""
    value = value.quantize(_DIGITS).normalize()
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value
