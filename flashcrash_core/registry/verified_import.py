"""Import the modules of locked distributions from exactly the bytes that were verified.

Between checking a file and importing it the file may change, and Python prefers a ``.pyc`` beside it that no RECORD vouches for. So
the modules of a locked distribution come through a finder of their own: it reads a source once, hashes what it read, and compiles
that. It stays for the whole process, so that a module imported late is held to the same.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from flashcrash_core.errors import PluginError
from flashcrash_core.registry.installation import Installation, VerifiedFile, digest_of

__all__ = ["guard_imports", "unverified_modules"]


class _VerifiedLoader(SourceFileLoader):
    """Compiles the bytes that it hashed; never a cached ``.pyc``."""

    def __init__(self, name: str, path: str, file: VerifiedFile, shown: str, loaded: dict[str, Path]) -> None:
        super().__init__(name, path)
        self._file = file
        self._shown = shown
        self._loaded = loaded

    def get_code(self, fullname: str) -> CodeType:
        data = self.get_data(self.path)
        _refuse_changed(data, self._file, self._shown)
        code: CodeType = self.source_to_code(data, self.path)
        self._loaded[fullname] = self._file.path
        return code


class _VerifiedFinder(MetaPathFinder):
    """Finds the modules of the guarded distributions, and refuses files for them that were not verified."""

    def __init__(self) -> None:
        self.guarded: dict[str, Installation] = {}
        self.loaded: dict[str, Path] = {}
        """Module name to the verified file that it came from."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        owner = next((one for one in self.guarded.values() if one.owns(fullname)), None)
        if owner is None:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            return spec  # not there, or a namespace: no code of its own
        shown = f"{owner.distribution} {owner.version}"
        file = owner.files.get(Path(spec.origin).resolve())
        if file is None:
            raise PluginError(
                f"{fullname} would be imported from {spec.origin}, which is not one of the verified files of {shown}; "
                "remove that file, or take its folder off the module path"
            )
        if isinstance(spec.loader, SourceFileLoader):
            spec.loader = _VerifiedLoader(fullname, spec.origin, file, shown, self.loaded)
            spec.cached = None
        elif isinstance(spec.loader, ExtensionFileLoader):
            # The system's loader opens the file itself: checked as late as can be.
            _refuse_changed(file.path.read_bytes(), file, shown)
            self.loaded[fullname] = file.path
        else:
            raise PluginError(f"{fullname} of {shown} is neither source nor an extension module and cannot be verified")
        return spec


_finder: Final = _VerifiedFinder()


def guard_imports(installations: Iterable[Installation]) -> None:
    """From now on import the modules of these distributions only from their verified files."""
    for installation in installations:
        _finder.guarded[installation.distribution] = installation
    if _finder.guarded and _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)


def unverified_modules(installation: Installation) -> list[str]:
    """Modules of a guarded distribution that are in the process without having come through the check."""
    out: list[str] = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file is None or not installation.owns(name):
            continue
        verified = _finder.loaded.get(name)
        if verified is None or Path(file).resolve() != verified or verified not in installation.files:
            out.append(name)
    return sorted(out)


def _refuse_changed(data: bytes, file: VerifiedFile, shown: str) -> None:
    if digest_of(data, file.algorithm) != file.digest:
        raise PluginError(f"{file.path} of {shown} changed after it was verified; reinstall the distribution and start again")
