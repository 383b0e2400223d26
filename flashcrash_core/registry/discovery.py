"""What is installed: entry points of the group ``flashcrash``, read from metadata, without importing anything.

The process may hold keys, so the code of a third-party plugin runs only after it was named (design.md section 5).
"""

from importlib import metadata
from typing import Final

from attrs import frozen

__all__ = ["FIRST_PARTY", "GROUP", "InstalledPlugin", "installed_plugins"]

GROUP: Final = "flashcrash"
FIRST_PARTY: Final = "flashcrash"
"""The distribution whose plugins load by default."""


@frozen(order=True)
class InstalledPlugin:
    """One entry point. ``target`` is ``pkg.mod`` or ``pkg.mod:attr``."""

    name: str
    target: str
    distribution: str
    version: str

    @property
    def first_party(self) -> bool:
        return self.distribution == FIRST_PARTY

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]

    @property
    def shown(self) -> str:
        """``name (distribution version)`` for messages."""
        return f"{self.name} ({self.distribution} {self.version})"


def installed_plugins() -> list[InstalledPlugin]:
    """All installed plugins, first-party ones first, then by distribution and name. Two may bear one name."""
    found = {
        InstalledPlugin(
            name=point.name,
            target=point.value.replace(" ", "").partition("[")[0],
            distribution=str(point.dist.name) if point.dist is not None else "unknown",
            version=str(point.dist.version) if point.dist is not None else "unknown",
        )
        for point in metadata.entry_points(group=GROUP)
    }
    return sorted(found, key=lambda plugin: (not plugin.first_party, plugin.distribution, plugin.name, plugin.target))
