"""Faults that the exchange injects on purpose."""

from attrs import frozen

__all__ = ["FaultPlan"]


@frozen
class FaultPlan:
    """Nothing goes wrong."""
