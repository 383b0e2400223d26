"""Whether a third-party plugin may be loaded: checked against ``plugins.lock`` before anything of it is imported.

Only mode ``real`` refuses. In the other modes a locked plugin that changed is a warning, so that it is noticed before it counts.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from flashcrash_core.config import LoadedConfig, PluginLock, default_lock_path, read_lock
from flashcrash_core.errors import ConfigError, PluginError, UsageError
from flashcrash_core.registry.installation import Installation, NotLockable, inspect_installation, why_not_lockable
from flashcrash_core.registry.locking import changes
from flashcrash_core.registry.selection import Candidate
from flashcrash_core.registry.verified_import import unverified_modules
from flashcrash_core.specs import API_VERSION

__all__ = ["TrustPolicy", "Verdict", "examine"]

REAL: Final = "real"
_HANDED_DOWN: Final = "FLASHCRASH_TRUST"


@frozen
class TrustPolicy:
    """How strict loading is. ``lock_file`` None means the default place (:func:`default_lock_path`)."""

    mode: str = "paper"
    lock_file: Path | None = None
    allow_path_plugins: bool = False
    """Load plugins that cannot be locked (files, modules of no distribution, editable installs) in real mode all the same."""

    @classmethod
    def of(cls, config: LoadedConfig, *, allow_path_plugins: bool = False) -> "TrustPolicy":
        """The policy of a configuration, for every command that loads its plugins.

        The mode is taken as it was written: settings with a fault in that key have the default there, and the answer to "may this
        code run?" must not depend on another fault.
        """
        return cls(str(config.table("run").get("mode", config.settings.run.mode)), allow_path_plugins=allow_path_plugins)

    @contextmanager
    def for_children(self) -> Iterator[None]:
        """Within, processes that this one starts hold the plugins that they load to the same lock, where it is enforced."""
        if not self.enforced:
            yield
            return
        before = os.environ.get(_HANDED_DOWN)
        os.environ[_HANDED_DOWN] = json.dumps({"lock": str(self.path.resolve()), "allow_path_plugins": self.allow_path_plugins})
        try:
            yield
        finally:
            del os.environ[_HANDED_DOWN]
            if before is not None:
                os.environ[_HANDED_DOWN] = before

    @classmethod
    def handed_down(cls, environ: Mapping[str, str]) -> "TrustPolicy | None":
        """What a process above this one set (:meth:`for_children`), None if nothing. Raises UsageError when it cannot be read."""
        text = environ.get(_HANDED_DOWN)
        if text is None:
            return None
        try:
            given = json.loads(text)
            return cls(REAL, Path(given["lock"]), allow_path_plugins=given["allow_path_plugins"] is True)
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{_HANDED_DOWN}: only flashcrash itself sets this variable; unset it") from error

    @property
    def enforced(self) -> bool:
        return self.mode == REAL

    @property
    def path(self) -> Path:
        return self.lock_file if self.lock_file is not None else default_lock_path()


@define
class Verdict:
    """What the examination found."""

    refused: dict[str, PluginError] = field(factory=dict)
    """Plugin name to what is wrong; empty unless the policy is enforced."""
    warnings: list[str] = field(factory=list)
    guarded: dict[str, Installation] = field(factory=dict)
    """Plugin name to the verified installation that it must come from; only when enforced."""


def examine(candidates: Iterable[Candidate], policy: TrustPolicy) -> Verdict:
    """Look at every third-party candidate, all problems at once. Reads files, imports nothing of the plugins."""
    verdict = Verdict()
    foreign = [candidate for candidate in candidates if not candidate.first_party]
    if not foreign:
        return verdict
    try:
        lock = read_lock(policy.path)
    except ConfigError as error:
        if policy.enforced:
            raise
        verdict.warnings += [f"{problem}; installed plugins were not compared with it" for problem in error.problems]
        return verdict
    examination = _Examination(policy, lock or PluginLock())
    for candidate in foreign:
        examination.look_at(candidate, verdict)
    return verdict


@define
class _Examination:
    policy: TrustPolicy
    lock: PluginLock
    _installations: dict[str, Installation | NotLockable] = field(factory=dict)

    def look_at(self, candidate: Candidate, verdict: Verdict) -> None:
        if candidate.poses:
            if self.policy.enforced:
                verdict.refused[candidate.name] = PluginError(
                    f"plugin {candidate.shown}: bears the name of flashcrash and is not part of this flashcrash; mode real never "
                    "loads it. Find out what installed it, and remove it"
                )
            return  # in the other modes the selection warns of it
        if not self.policy.enforced and self.lock.get(candidate.distribution) is None:
            return
        installation = self._installation_of(candidate)
        if isinstance(installation, NotLockable):
            self._path_plugin(candidate, installation, verdict)
            return
        error = self._judge(candidate, installation)
        if not error:
            if self.policy.enforced:
                verdict.guarded[candidate.name] = installation
        elif self.policy.enforced:
            verdict.refused[candidate.name] = PluginError(f"plugin {candidate.shown}: {error}")
        else:
            verdict.warnings.append(f"plugin {candidate.shown}: {error} (mode real would refuse it)")

    def _path_plugin(self, candidate: Candidate, obstacle: NotLockable, verdict: Verdict) -> None:
        why = obstacle.why
        if not self.policy.enforced:
            verdict.warnings.append(f"plugin {candidate.shown}: is in {self.policy.path}, but {why} (mode real would refuse it)")
        elif self.policy.allow_path_plugins:
            verdict.warnings.append(f"plugin {candidate.shown}: loaded unchecked by --allow-path-plugins: {why}")
        else:
            verdict.refused[candidate.name] = PluginError(
                f"plugin {candidate.shown}: {why}, so that it cannot be locked and mode real refuses it; "
                f"{obstacle.remedy} and lock it with `flashcrash plugins lock`, or take the risk with --allow-path-plugins"
            )

    def _installation_of(self, candidate: Candidate) -> Installation | NotLockable:
        """The installed distribution that brings a candidate, or why there is none that could be locked."""
        if candidate.held is not None:
            return NotLockable("is an object of this process, not an installed distribution")
        if candidate.path is not None:
            return NotLockable("is a file, not an installed distribution")
        if not candidate.version:
            return self._owner_of_module(candidate)
        return self._inspected(candidate.distribution)

    def _inspected(self, name: str) -> Installation | NotLockable:
        if name not in self._installations:
            try:
                distribution = metadata.distribution(name)
            except metadata.PackageNotFoundError:
                self._installations[name] = NotLockable("its distribution cannot be found")
            else:
                self._installations[name] = why_not_lockable(distribution) or inspect_installation(distribution)
        return self._installations[name]

    def _owner_of_module(self, candidate: Candidate) -> Installation | NotLockable:
        """A module that no entry point names may still belong to a locked distribution."""
        module = candidate.target.partition(":")[0]
        origin = _origin_of(module)
        for name in self.lock.distributions:
            installation = self._inspected(name)
            if not isinstance(installation, NotLockable) and origin in installation.files and module in installation.modules:
                return installation
        return NotLockable("is a module of no locked distribution")

    def _judge(self, candidate: Candidate, installation: Installation) -> str:
        """Why an installation is not what was locked; "" if it is."""
        path = self.policy.path
        locked = self.lock.get(installation.distribution)
        relock = f"flashcrash plugins lock {candidate.name}"
        if locked is None:
            differing = f" (its files differ from RECORD: {', '.join(installation.faults)})" if installation.faults else ""
            return (
                f"is not locked in {path}; found record sha256 {installation.found_sha256}{differing}. Review the distribution, "
                f"then lock it with `{relock}`"
            )
        if found := changes(locked, installation):
            # An installation that is not what its own RECORD says cannot be locked either.
            or_relock = "" if installation.faults else f", or review what changed and lock it anew with `{relock}`"
            return f"is not what {path} says: {'; '.join(found)}. Reinstall {installation.distribution} {locked.version}{or_relock}"
        if locked.api != API_VERSION:
            return f"was locked for api {locked.api}, this flashcrash has api {API_VERSION}; install and lock a version made for it"
        if self.policy.enforced and (early := unverified_modules(installation)):
            return f"{', '.join(early)} was imported before it could be checked; start again in a new process"
        return ""


def _origin_of(module: str) -> Path | None:
    """The file of a module, found without importing its parents."""
    path: list[str] | None = None
    spec = None
    parts = module.split(".")
    for depth in range(len(parts)):
        spec = PathFinder.find_spec(".".join(parts[: depth + 1]), path)
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
    return Path(spec.origin).resolve() if spec is not None and spec.origin is not None else None
