"""Validators that several configuration classes share."""

from typing import Any

__all__ = ["release_above_trigger", "release_below_trigger"]


def release_below_trigger(instance: Any, _attribute: Any, value: float) -> None:
    """For indicators that fire upwards: the release level is the trigger (no hysteresis) or below it."""
    if value > instance.trigger:
        raise ValueError(f"release {value} must not lie above trigger {instance.trigger}")


def release_above_trigger(instance: Any, _attribute: Any, value: float) -> None:
    """For indicators that fire downwards: the release level is the trigger (no hysteresis) or above it."""
    if value < instance.trigger:
        raise ValueError(f"release {value} must not lie below trigger {instance.trigger}")
