"""Shipped plugins with one method changed, and what such a method may do."""

from collections.abc import Callable
from typing import Any

import attrs

__all__ = ["StandIn", "built_as", "fail", "interrupt", "leave_process"]


def fail() -> Any:
    """A bug."""
    raise IndexError("out of range")


def leave_process() -> Any:
    """What a script would do."""
    raise SystemExit(3)


def interrupt() -> Any:
    """As if the user had pressed Ctrl-C."""
    raise KeyboardInterrupt


class StandIn:
    """Passes everything on; ``changed`` maps a method to ``f(inner, *arguments)`` that is called instead."""

    def __init__(self, inner: Any, changed: dict[str, Callable[..., Any]]) -> None:
        self._inner, self._changed = inner, changed

    def __getattr__(self, name: str) -> Any:
        own = self._changed.get(name)
        return getattr(self._inner, name) if own is None else lambda *arguments, **named: own(self._inner, *arguments, **named)


def built_as(**changed: Callable[..., Any]) -> Callable[[Any], Any]:
    """A spec whose plugin is a stand-in."""

    def change(spec: Any) -> Any:
        return attrs.evolve(spec, build=lambda *arguments: StandIn(spec.build(*arguments), changed))

    return change
