"""Checks of an indicator, in the order in which they are run."""

from typing import Final

from flashcrash_core.testing.battery import Check
from flashcrash_core.testing.checks.indicator.interface import configuration_schema, interface

__all__ = ["CHECKS"]

CHECKS: Final[tuple[Check, ...]] = (interface, configuration_schema)
