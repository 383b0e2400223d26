"""Checks of a store."""

from typing import Final

from flashcrash_core.testing.battery import Check

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = ()
