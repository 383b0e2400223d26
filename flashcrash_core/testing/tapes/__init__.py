"""Seeded tapes for tests of plugins: what a market or a feed can do, each by its name, and disturbances of any of them."""

from flashcrash_core.testing.tapes.catalogue import BOOK_ONLY, TAPES, tape
from flashcrash_core.testing.tapes.contents import Facts, Span, Tape, feature_rows
from flashcrash_core.testing.tapes.disturbances import delayed, duplicated, reordered, same_timestamps

__all__ = [
    "BOOK_ONLY",
    "TAPES",
    "Facts",
    "Span",
    "Tape",
    "delayed",
    "duplicated",
    "feature_rows",
    "reordered",
    "same_timestamps",
    "tape",
]
