"""``opens``: which files a feed claims, told from their name and head alone."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from flashcrash_core.market.files import read_head
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.feed.sources import FeedSubject, needs, reads_files, require, sample

__all__ = ["opens_asks_for_nothing", "recognises_its_files"]

_OWN: Final = ("whole", "gap", "broken_line", "two_symbols")
_HEAD_BYTES: Final = 4096
_SAMPLE_EVENTS: Final = 50
_RANDOM_HEADS: Final = 20

Opens = Callable[[Path, bytes], bool]


@check("feed", applies=reads_files)
def recognises_its_files(subject: FeedSubject) -> None:
    """`opens` is true of the feed's own files and of no others: other feeds' samples, random bytes, binary, an empty head."""
    for key in _OWN:
        if key not in subject.spec.samples:
            continue
        with sample(subject, key, _SAMPLE_EVENTS) as path:
            assert path is not None
            require(_answer(subject, path, read_head(path), f"its sample {key}"), subject, f"does not recognise its sample {key}")
    with TemporaryDirectory(prefix="flashcrash-feed-") as folder:
        foreign = Path(folder) / "unknown.dat"
        for what, head in _foreign_heads(subject):
            foreign.write_bytes(head)
            require(not _answer(subject, foreign, head, what), subject, f"claims {what}, which it cannot read")
    for spec in subject.registry.feeds.values():
        if spec.name == subject.spec.name or "whole" not in spec.samples:
            continue
        with TemporaryDirectory(prefix="flashcrash-feed-") as folder:
            path = spec.samples["whole"](Path(folder), _SAMPLE_EVENTS)
            what = f"a file of feed {spec.name} ({path.name})"
            require(not _answer(subject, path, read_head(path), what), subject, f"claims {what}; look for what only its format has")


@check("feed", applies=needs("whole"))
def opens_asks_for_nothing(subject: FeedSubject) -> None:
    """`opens` goes by the name and head that it is given and reads no file: it says the same of a path that does not exist."""
    with sample(subject, "whole", _SAMPLE_EVENTS) as path:
        assert path is not None
        head = read_head(path)
        absent = path.parent / "absent" / path.name
        for given, what in ((head, "its own head"), (b"not a head\n", "a foreign head")):
            there, gone = (_answer(subject, one, given, what) for one in (path, absent))
            require(there == gone, subject, f"opens says {gone} of {what} once the file is gone, {there} before: it read the file")


def _answer(subject: FeedSubject, path: Path, head: bytes, what: str) -> bool:
    opens = subject.spec.opens
    assert opens is not None
    try:
        answer = opens(path, head)
    except Exception as error:
        raise CheckFailure(
            f"{subject.label}: opens raised {type(error).__name__} ({error}) for {what}; it must answer False to what it is not"
        ) from error
    require(type(answer) is bool, subject, f"opens gave {answer!r} for {what}, not True or False")
    return answer


def _foreign_heads(subject: FeedSubject) -> Iterator[tuple[str, bytes]]:
    yield "an empty head", b""
    yield "a blank line", b"\n"
    yield "a head of zeros", bytes(_HEAD_BYTES)
    yield "plain prose", b"Once upon a time there was a market that fell.\n" * 20
    for seed in subject.effort.seeds:
        draw = random.Random(seed)
        for _ in range(_RANDOM_HEADS):
            yield f"random bytes (seed {seed})", draw.randbytes(draw.randrange(1, _HEAD_BYTES))
