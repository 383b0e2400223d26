"""A distribution as it is installed: its RECORD, and whether every file of it is still what RECORD says.

Nothing is imported here. RECORD (packaging.python.org, "Recording installed projects") lists each file with its hash; a hash over
RECORD alone would not see a changed module, so every file is hashed first. Left out of the hash is what differs between two
installations of the same wheel: the installer's own notes, and scripts outside the import path. Left out altogether are RECORD
itself, its signatures and ``.pyc`` files, which are never executed in real mode (:mod:`flashcrash_core.registry.verified_import`).
"""

import base64
import csv
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from importlib import metadata
from importlib.machinery import all_suffixes
from pathlib import Path, PurePosixPath
from typing import Final

from attrs import frozen

from flashcrash_core.registry.discovery import GROUP

__all__ = ["Installation", "NotLockable", "VerifiedFile", "digest_of", "inspect_installation", "why_not_lockable"]

_ALGORITHMS: Final = ("sha256", "sha384", "sha512")
"""What the specification of RECORD allows; weaker ones are not a proof."""

_INSTALLERS_OWN: Final = ("INSTALLER", "REQUESTED", "direct_url.json")
_NOT_RECORDED: Final = ("RECORD", "RECORD.jws", "RECORD.p7s")
_READ_AT_ONCE: Final = 1 << 20
_SUFFIXES: Final = tuple(sorted(all_suffixes(), key=len, reverse=True))


@frozen
class VerifiedFile:
    """An importable file and the digest that RECORD gives for it."""

    path: Path
    algorithm: str
    digest: str
    """As in RECORD: URL-safe base64 without padding."""


@frozen
class NotLockable:
    """Why a distribution has no fixed content that could be locked."""

    why: str
    remedy: str = "install it from a wheel"


@frozen
class Installation:
    """A distribution and the state of its files."""

    distribution: str
    version: str
    record_sha256: str
    """Over RECORD as it is, in canonical form."""
    found_sha256: str
    """The same over the files as they are; equal unless a file was changed or is missing."""
    faults: tuple[str, ...]
    """Files that are not what RECORD says, as ``path (what)``; sorted."""
    modules: Mapping[str, VerifiedFile]
    """Module name to its file; the source where there are several."""
    files: Mapping[Path, VerifiedFile]
    """Every importable file, by resolved path."""
    packages: frozenset[str]
    """Those of the modules that are packages: everything below them must be listed."""
    entry_points: Mapping[str, str]

    def owns(self, module: str) -> bool:
        """Whether a module of that name belongs to this distribution, listed or not."""
        if module in self.modules:
            return True
        # Whatever is below our packages is ours: a namespace above them is not lockable.
        return module.partition(".")[0] in self.packages


def why_not_lockable(distribution: metadata.Distribution) -> NotLockable | None:
    """Why a distribution has no fixed content that could be locked; None if it has."""
    text = distribution.read_text("direct_url.json")
    try:
        url = json.loads(text) if text else {}
    except ValueError:
        return NotLockable("its direct_url.json is not readable")
    if isinstance(url, dict) and isinstance(info := url.get("dir_info"), dict) and info.get("editable"):
        return NotLockable("is an editable install: its files are a working copy")
    if not distribution.read_text("RECORD"):
        return NotLockable("was installed without a RECORD of its files")
    modules = {module: PurePosixPath(name) for name, _ in _rows(distribution) if (module := _module_name(name)) is not None}
    packages = {module for module, path in modules.items() if path.name.startswith("__init__.")}
    if open_to_all := sorted({module.partition(".")[0] for module in modules if "." in module} - packages):
        shown = ", ".join(f"{package}/__init__.py" for package in open_to_all)
        return NotLockable(
            f"has no {shown}: such a folder is a namespace, where any other distribution may put code that its modules import",
            "its author must add the missing file",
        )
    return None


def inspect_installation(distribution: metadata.Distribution) -> Installation:
    """Hash every file of a distribution that has a RECORD, and compare."""
    faults: list[str] = []
    listed: list[str] = []
    found: list[str] = []
    modules: dict[str, VerifiedFile] = {}
    files: dict[Path, VerifiedFile] = {}
    packages: set[str] = set()
    for name, recorded in _rows(distribution):
        algorithm, _, digest = recorded.partition("=")
        path = Path(str(distribution.locate_file(name)))
        fault, actual = _compared(path, algorithm, digest)
        if fault:
            faults.append(f"{name} ({fault})")
        if (module := _module_name(name)) is not None:
            file = VerifiedFile(path.resolve(), algorithm, digest)
            files[file.path] = file
            if module not in modules or path.suffix == ".py":
                modules[module] = file
            if PurePosixPath(name).name.startswith("__init__."):
                packages.add(module)
        if _is_hashed(name):
            listed.append(f"{name},{recorded}")
            found.append(f"{name},{algorithm}={actual}")
    faults += [f"{name} (not listed in RECORD)" for name in _strangers(distribution, modules, files, packages)]
    return Installation(
        distribution.name,
        distribution.version,
        _canonical(listed),
        _canonical(found),
        tuple(sorted(faults)),
        modules,
        files,
        frozenset(packages),
        {point.name: point.value for point in distribution.entry_points if point.group == GROUP},
    )


def digest_of(data: bytes, algorithm: str) -> str:
    """Digest as RECORD writes it."""
    return base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b"=").decode()


def _rows(distribution: metadata.Distribution) -> Iterator[tuple[str, str]]:
    for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        if not row or not row[0]:
            continue
        name = row[0].replace("\\", "/")
        path = PurePosixPath(name)
        if path.suffix == ".pyc" or (_in_metadata(path) and path.name in _NOT_RECORDED):
            continue
        yield name, row[1] if len(row) > 1 else ""


def _compared(path: Path, algorithm: str, digest: str) -> tuple[str, str]:
    """What is wrong with a file ("" if nothing), and its actual digest."""
    if not digest:
        return "has no hash in RECORD", ""
    if algorithm not in _ALGORITHMS:
        return f"has only a {algorithm} hash in RECORD", ""
    state = hashlib.new(algorithm)
    try:
        with path.open("rb") as stream:
            while block := stream.read(_READ_AT_ONCE):
                state.update(block)
    except OSError as error:
        return ("is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"), "missing"
    actual = base64.urlsafe_b64encode(state.digest()).rstrip(b"=").decode()
    return ("" if actual == digest else "changed"), actual


def _canonical(lines: list[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in sorted(lines)).encode()).hexdigest()


def _is_hashed(name: str) -> bool:
    path = PurePosixPath(name)
    outside = path.is_absolute() or path.parts[0] == ".."
    return not outside and not (_in_metadata(path) and path.name in _INSTALLERS_OWN)


def _in_metadata(path: PurePosixPath) -> bool:
    return len(path.parts) > 1 and path.parts[0].endswith(".dist-info")


def _module_name(name: str) -> str | None:
    """``pkg.mod`` of an importable file inside the import path; None for anything else."""
    path = PurePosixPath(name)
    if path.is_absolute() or path.parts[0] == ".." or _in_metadata(path):
        return None
    stem = next((path.name.removesuffix(suffix) for suffix in _SUFFIXES if path.name.endswith(suffix)), None)
    if stem is None:
        return None
    parts = (*path.parts[:-1], *(() if stem == "__init__" else (stem,)))
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def _strangers(
    distribution: metadata.Distribution,
    modules: Mapping[str, VerifiedFile],
    files: Mapping[Path, VerifiedFile],
    packages: set[str],
) -> Iterator[str]:
    """Importable files inside the distribution's packages that RECORD does not list: one could stand in for a listed one."""
    root = Path(str(distribution.locate_file(""))).resolve()
    for package in packages:
        if package.rpartition(".")[0] in packages:
            continue  # seen from the package above it
        for folder, inner, names in os.walk(modules[package].path.parent):
            inner[:] = [name for name in inner if name != "__pycache__"]
            for name in names:
                path = Path(folder, name)
                if name.endswith(_SUFFIXES) and path.resolve() not in files:
                    yield path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
