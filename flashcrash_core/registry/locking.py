"""Make the entry of a distribution for ``plugins.lock``, and say in what an installed one differs from its entry."""

from collections.abc import Mapping
from importlib import metadata

from flashcrash_core.config import LockedDistribution, normalised
from flashcrash_core.errors import PluginContract, PluginNotFound
from flashcrash_core.registry.declared_api import declared_api
from flashcrash_core.registry.first_party import FIRST_PARTY
from flashcrash_core.registry.installation import Installation, inspect_installation, why_not_lockable

__all__ = ["changes", "compare_installed", "lock_entry"]


def lock_entry(distribution: str) -> tuple[str, LockedDistribution]:
    """``(normalised name, entry)`` of an installed distribution; nothing of it is imported.

    Raises PluginNotFound when it is not installed, PluginContract when it cannot be locked: it is editable, has no RECORD, differs
    from its RECORD, or does not say its api in plain text.
    """
    installation = _inspected(distribution)
    if installation.faults:
        raise PluginContract(
            f"{installation.distribution} {installation.version}: is not as it was installed: {', '.join(installation.faults)}; "
            "reinstall it, then lock it"
        )
    entry = LockedDistribution(
        version=installation.version,
        record_sha256=installation.record_sha256,
        api=declared_api(installation),
        entry_points=dict(installation.entry_points),
    )
    return normalised(distribution), entry


def compare_installed(distribution: str, locked: LockedDistribution) -> list[str]:
    """In what the installed distribution differs from its entry; empty when in nothing.

    Raises PluginNotFound when it is gone, PluginContract when it has no fixed content any more.
    """
    return changes(locked, _inspected(distribution))


def changes(locked: LockedDistribution, installation: Installation) -> list[str]:
    """Every difference, each with what is locked and what was found."""
    out: list[str] = []
    if locked.version != installation.version:
        out.append(f"version {locked.version} locked, {installation.version} found")
    try:
        if locked.api != (api := declared_api(installation)):
            out.append(f"api {locked.api} locked, {api} found")
    except PluginContract as error:
        out.append(f"api {locked.api} locked, none found: {error}")
    if locked.record_sha256 != installation.found_sha256:
        out.append(f"record sha256 {locked.record_sha256} locked, {installation.found_sha256} found")
    if installation.faults:
        out.append(f"files that differ from RECORD: {', '.join(installation.faults)}")
    elif locked.record_sha256 != installation.found_sha256:
        out.append("RECORD is another one than was locked, and its files agree with it: another build or version was installed")
    if locked.entry_points != dict(installation.entry_points):
        out.append(f"plugins {_points(locked.entry_points)} locked, {_points(installation.entry_points)} found")
    return out


def _points(points: Mapping[str, str]) -> str:
    return ", ".join(f"{name} = {target}" for name, target in sorted(points.items())) or "none"


def _inspected(distribution: str) -> Installation:
    if distribution.startswith(f"{FIRST_PARTY} from ") or normalised(distribution) == FIRST_PARTY:
        raise PluginContract(
            f"{distribution}: bears the name of flashcrash and is not part of this flashcrash, so that it cannot be locked; find "
            "out what installed it, and remove it"
        )
    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        raise PluginNotFound(f"{distribution}: is not installed; install it, or lock anew without it") from None
    if obstacle := why_not_lockable(found):
        raise PluginContract(f"{found.name} {found.version}: {obstacle.why}, so that it cannot be locked; {obstacle.remedy}")
    return inspect_installation(found)
