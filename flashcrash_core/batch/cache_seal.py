"""Seals of kept files: whether they are still what was written, told without reading them as long as nobody touched them.

A seal holds each file's length, the times of its last change, and a digest of its content. Reading a day's readings to reckon their
digest costs a quarter of a whole trial on them and more, asking the file system for lengths and times a thousandth. So the digest
decides only where those differ, and after a restart of the machine: only then can a file be torn that was never seen to change,
because nothing here waits for the disk. What proves sound is sealed again.
"""

import os
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

__all__ = ["SUFFIX", "WRITING", "content_digest", "is_sound", "seal", "write_whole"]

SUFFIX: Final = ".seal"
WRITING: Final = ".writing-"
"""What the names of things begin with that are not finished yet."""
_WORDS: Final = 512
"""Words of eight bytes that are summed together: a page of the file system."""
_BLOCKS: Final = 2_048
_Files = dict[str, list[int]]


def seal(folder: Path, name: str, files: Iterable[str]) -> None:
    """Seal these files, which are at their places and change no more. Raises OSError."""
    _write(folder, name, {file: [*_stamp(folder / file), content_digest(folder / file)] for file in sorted(files)})


def is_sound(folder: Path, name: str) -> bool:
    """Whether that seal is there, and every file that it holds is what it was."""
    try:
        content = (folder / f"{name}{SUFFIX}").read_bytes()
        digest, boot, known = msgspec.msgpack.decode(content[4:], type=tuple[int, str, _Files])
        if zlib.crc32(content[4:]) != int.from_bytes(content[:4], "big") or digest != _DIGEST:
            return False
        found = {file: _stamp(folder / file) for file in known}
        if boot and boot == _boot() and all(found[file] == held[:3] for file, held in known.items()):
            return True
        for file, held in known.items():
            if found[file][0] != held[0] or content_digest(folder / file) != held[3]:
                return False
    except (OSError, ValueError, msgspec.DecodeError):
        return False
    with suppress(OSError):  # a folder that cannot be written is as sound, and is read again the next time
        _write(folder, name, {file: [*found[file], held[3]] for file, held in known.items()})
    return True


def content_digest(path: Path) -> int:
    """Digest against accidents, as fast as memory: a CRC-32 over the sums of its pages. Raises OSError."""
    digest = 0
    with path.open("rb") as file:
        while piece := file.read(_BLOCKS * _WORDS * 8):
            whole = len(piece) // (_WORDS * 8) * _WORDS
            sums = np.add.reduce(np.frombuffer(piece, "<u8", whole).reshape(-1, _WORDS), axis=1)
            digest = zlib.crc32(piece[whole * 8 :], zlib.crc32(sums.tobytes(), digest))
    return digest


def write_whole(path: Path, content: Any) -> None:
    """Write a file beside its place and move it there: others meet the old one or the new one. Raises OSError."""
    descriptor, aside = tempfile.mkstemp(prefix=WRITING, dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        os.replace(aside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(aside)
        raise


def _write(folder: Path, name: str, files: _Files) -> None:
    content = msgspec.msgpack.encode((_DIGEST, _boot(), files))
    write_whole(folder / f"{name}{SUFFIX}", zlib.crc32(content).to_bytes(4, "big") + content)


def _stamp(path: Path) -> list[int]:
    """Length, time of the last change of the content, and of anything: that one cannot be set back."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


@cache
def _boot() -> str:
    """Which start of the machine this is; "" where that is not told, and then the digest always decides."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


_DIGEST: Final = 1
"""The number of this way to reckon digests."""
