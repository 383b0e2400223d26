"""What is installed: entry points of the group ``flashcrash``, read from metadata, without importing anything.

The process may hold keys, so the code of a third-party plugin runs only after it was named (design.md section 5).
"""

from importlib import metadata
from typing import Final

from attrs import frozen

from flashcrash_core.registry.first_party import FIRST_PARTY, SHIPPED, claims_our_name, location_of, own_distribution

__all__ = ["GROUP", "InstalledPlugin", "installed_plugins"]

GROUP: Final = "flashcrash"


@frozen(order=True)
class InstalledPlugin:
    """One entry point. ``target`` is ``pkg.mod`` or ``pkg.mod:attr``."""

    name: str
    target: str
    distribution: str
    """Its name; with the metadata folder when it bears our name and is not ours."""
    version: str
    first_party: bool = False
    poses: bool = False
    """Of a metadata folder that bears the name of flashcrash without belonging to it, or not among what flashcrash ships."""

    @property
    def module(self) -> str:
        return self.target.partition(":")[0]

    @property
    def shown(self) -> str:
        """``name (distribution version)`` for messages."""
        return f"{self.name} ({self.distribution} {self.version})"


def installed_plugins() -> list[InstalledPlugin]:
    """All installed plugins, first-party ones first, then by distribution and name. Two may bear one name.

    Another folder of our name that lists the very plugins that we ship (an older flashcrash behind this one) adds nothing by that.
    """
    # importlib.metadata shows only the first folder of each name, so that one that poses would hide ours: all are looked at.
    named_as_we_are = list(metadata.distributions(name=FIRST_PARTY))
    own = own_distribution(named_as_we_are)
    found = {
        _plugin(point, claim, called, own=claim is own, poses=claim is not own)
        for claim in named_as_we_are
        for called in [_called(claim)]
        for point in claim.entry_points.select(group=GROUP)
        if claim is own or own is None or SHIPPED.get(point.name) != _target(point)
    }
    seen = {location_of(claim) for claim in named_as_we_are}
    for point in metadata.entry_points(group=GROUP):
        if point.dist is None or location_of(point.dist) not in seen:
            poses = point.dist is not None and claims_our_name(point.dist)
            found.add(_plugin(point, point.dist, _called(point.dist), own=False, poses=poses))
    return sorted(found, key=lambda plugin: (not plugin.first_party, plugin.distribution, plugin.name, plugin.target))


def _called(distribution: metadata.Distribution | None) -> tuple[str, str]:
    """Name and version. Each asking parses the metadata anew, and we ship many plugins: it is asked once."""
    if distribution is None:
        return "unknown", "unknown"
    text = distribution.metadata
    return str(text["Name"]), str(text["Version"])


def _plugin(
    point: metadata.EntryPoint, distribution: metadata.Distribution | None, called: tuple[str, str], *, own: bool, poses: bool
) -> InstalledPlugin:
    target, (name, version) = _target(point), called
    if distribution is None:
        return InstalledPlugin(point.name, target, name, version)
    shipped = own and SHIPPED.get(point.name) == target
    poses = poses or (own and not shipped)
    name = f"{FIRST_PARTY} from {location_of(distribution)}" if poses else name
    return InstalledPlugin(point.name, target, name, version, shipped, poses)


def _target(point: metadata.EntryPoint) -> str:
    return point.value.replace(" ", "").partition("[")[0]
