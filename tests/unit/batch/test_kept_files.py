"""Kept readings among accidents: torn and altered files, other processes, folders that only can be read, full disks."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flashcrash_core.api import DataTier, SimulatedMarket, TapeMarket, scenario_preset, simulated_instrument, write_tape
from flashcrash_core.batch import cache_seal, reading_cache
from flashcrash_core.batch.cache_seal import is_sound, seal
from flashcrash_core.batch.lane_columns import LaneColumns
from flashcrash_core.runtime import batching
from flashcrash_core.runtime.launch import RunRequest, execute

pytest.importorskip("numba", reason="numba is not installed; there is no batch engine")

SYMBOL = "SIMUSDT"
NOBODY = 65_534


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape of a quarter of an hour with a crash."""
    market = SimulatedMarket(scenario_preset("crash_and_bounce", symbol=SYMBOL, trades_per_s=2.0, quotes_per_s=2.0), 3)
    markets = {SYMBOL: TapeMarket(simulated_instrument(SYMBOL), has_book=True, data_tier=DataTier.SYNTHETIC)}
    (published,) = write_tape(tmp_path_factory.mktemp("tapes"), market.events(), markets)
    return published.path


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Readings are kept in a folder that other users can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(reading_cache, "_home", lambda: Path(folder) / "readings")
        yield Path(folder) / "readings"


@pytest.fixture
def sensed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows with every tape that is gone through."""
    gone: list[int] = []
    sense = LaneColumns.sense

    def counted(self: LaneColumns, *args: Any) -> None:
        gone.append(1)
        sense(self, *args)

    monkeypatch.setattr(LaneColumns, "sense", counted)
    return gone


def report(tape: Path, *overrides: str) -> dict[str, Any]:
    """A backtest of the tape, without what may differ, when all that it keeps is kept."""
    made = execute(RunRequest(mode="backtest", paths=(tape,), overrides=overrides, keep=False, engine="batch", cache=True))
    batching.finish_writing()
    return {key: value for key, value in made.items() if key not in ("wall_s", "engine", "stepped_events")}


def flip(path: Path) -> None:
    """Change one byte in the middle, and set the time of the last change back."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without the superuser's right to write anywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_altered_readings_are_made_again_once(tape: Path, home: Path, sensed: list[int]) -> None:
    """One bit is noticed, whatever file it is in; what is made again takes the place of what was altered."""
    whole = report(tape)
    for times, name in enumerate(("price", "0.statistic", "readings.seal"), 2):
        flip(next(home.glob(f"*/{name}")))
        assert report(tape) == whole, name
        assert len(sensed) == times, name
    assert report(tape) == whole
    assert len(sensed) == times
    assert [folder.name for folder in home.iterdir() if folder.name.startswith(".")] == []


def test_altered_judgements_are_judged_again(tape: Path, home: Path, sensed: list[int]) -> None:
    """What was judged is of no use without its seal; the readings beside it stay."""
    whole = report(tape)
    altered = sorted(home.glob("*/judged-*.seal"))
    assert len(altered) > 2
    for number, path in enumerate(altered):
        flip(path.with_suffix((".values", ".bits", ".seal")[number % 3]))
    assert report(tape) == whole
    assert len(sensed) == 1
    assert all(is_sound(path.parent, path.stem) for path in altered), "they were judged again, and kept"


def test_what_a_half_done_removal_left_is_replaced(tape: Path, home: Path, sensed: list[int]) -> None:
    """A folder without its contents does not stand in the way of new ones for ever."""
    whole = report(tape)
    next(home.glob("*/contents.msgpack")).unlink()
    assert report(tape) == whole
    assert is_sound(next(home.iterdir()), "readings")


def kept(folder: Path) -> Path:
    """A sealed file of three pages and a bit."""
    path = folder / "column"
    path.write_bytes(np.arange(1_600, dtype="<i8").tobytes() + b"rest")
    seal(folder, "all", ["column"])
    return path


def test_copies_are_sound_though_their_times_differ(tmp_path: Path) -> None:
    """Where times differ the digest decides, once: then the copy is sealed itself."""
    (tmp_path / "here").mkdir()
    kept(tmp_path / "here")
    shutil.copytree(tmp_path / "here", tmp_path / "there", copy_function=shutil.copyfile)
    before = (tmp_path / "there" / "all.seal").read_bytes()
    assert is_sound(tmp_path / "there", "all")
    assert (tmp_path / "there" / "all.seal").read_bytes() != before


def swap_pages(content: bytes) -> bytes:
    """The first page and the second one in each other's place."""
    return content[4_096:8_192] + content[:4_096] + content[8_192:]


@pytest.mark.parametrize(
    "tear",
    [
        swap_pages,
        lambda content: content[:4_096] + bytes(4_096) + content[8_192:],
        lambda content: content[:-1],
        lambda content: content[:-1] + b"T",
        lambda content: content + b"\0",
    ],
    ids=["pages swapped", "page of zeros", "cut short", "another end", "longer"],
)
def test_torn_files_are_noticed(tmp_path: Path, tear: Callable[[bytes], bytes]) -> None:
    """Pages that came to the disk late, never, or at the wrong place."""
    path = kept(tmp_path)
    path.write_bytes(tear(path.read_bytes()))
    assert not is_sound(tmp_path, "all")


def test_after_a_restart_of_the_machine_the_digest_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A power failure may leave a file with the length and times that were sealed, and other content."""
    path = kept(tmp_path)
    digest = cache_seal.content_digest(path)
    path.write_bytes(bytes(path.stat().st_size))
    monkeypatch.setattr(cache_seal, "content_digest", lambda _path: digest)
    seal(tmp_path, "all", ["column"])  # as it would have been before the failure
    monkeypatch.undo()
    monkeypatch.setattr(cache_seal, "_boot", lambda: "the next one")
    assert not is_sound(tmp_path, "all")


PRUNE = "import sys, pathlib; from flashcrash_core.batch import reading_cache as r; r._prune(pathlib.Path(sys.argv[1]))"


def test_a_run_goes_on_with_readings_that_another_process_removes(
    tape: Path, home: Path, sensed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is mapped stays; the next run makes its readings again."""
    whole, load = report(tape), batching.load
    (entry,) = home.iterdir()

    def then_removed(*given: Any) -> LaneColumns | None:
        made = load(*given)
        (home / "newer").mkdir()
        os.utime(entry, (1, 1))
        environ = os.environ | {"FLASHCRASH_CACHE_GB": "0"}
        subprocess.run([sys.executable, "-c", PRUNE, str(home)], check=True, env=environ)
        assert not entry.exists()
        return made

    monkeypatch.setattr(batching, "load", then_removed)
    assert report(tape) == whole
    assert len(sensed) == 1
    monkeypatch.setattr(batching, "load", load)
    assert report(tape) == whole
    assert len(sensed) == 2


SAVE = """
import sys
from pathlib import Path
import numpy as np
from flashcrash_core.batch import reading_cache
from flashcrash_core.batch.lane_columns import LaneColumns
home = Path(sys.argv[1])
reading_cache._home = lambda: home
made = LaneColumns((), None, 0, 5, *(np.arange(5, dtype=kind) for kind in ("i8", "i8", "i8", "f8")))
sys.stdin.read()
for number in range(40):
    reading_cache.save(f"key-{number}", made, reading_cache.begin((), 5))
"""


def test_two_processes_may_keep_the_same_readings_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry is there once and whole, and nothing else is."""
    monkeypatch.setattr(reading_cache, "_home", lambda: tmp_path)
    command = [sys.executable, "-c", SAVE, str(tmp_path)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    for process in both:  # both have started: what they wait for is the end of their input
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    assert [process.communicate()[1] for process in both] == [b"", b""]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"key-{number}" for number in range(40))
    for folder in tmp_path.iterdir():
        assert is_sound(folder, "readings"), folder.name
        loaded = reading_cache.load(folder.name, np.empty(0), (), None)  # type: ignore[arg-type]
        assert loaded is not None
        assert loaded.t_us.tolist() == [0, 1, 2, 3, 4]


def test_readings_that_can_only_be_read_are_used(
    tape: Path, home: Path, sensed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be written keeps nothing new, and what it holds is as good, copied or not."""
    whole = report(tape)
    (entry,) = home.iterdir()
    for path in (home, entry, *entry.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    os.utime(entry / "price")  # so that the seal should be renewed
    for name in ("load", "begin"):
        real = getattr(batching, name)

        def unprivileged(*given: Any, real: Any = real) -> Any:
            with as_nobody():
                return real(*given)

        monkeypatch.setattr(batching, name, unprivileged)
    before = sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*.seal") if path.stem == "readings")
    assert report(tape) == whole
    assert len(sensed) == 1
    assert sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*.seal") if path.stem == "readings") == before
    report(tape, "indicators.volatility.window_s=5")
    assert [path for path in home.iterdir() if path != entry] == [], "nothing new was kept"
    for path in (home, entry):
        path.chmod(0o755)


@contextmanager
def full_disk(room_bytes: int) -> Iterator[None]:
    """No file can grow beyond that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room_bytes", [0, 100_000])
def test_a_full_disk_costs_the_cache_and_nothing_else(tape: Path, home: Path, sensed: list[int], room_bytes: int) -> None:
    """Readings that do not fit are not kept, nor is a part of them; the report is the same."""
    with full_disk(room_bytes):
        first = report(tape)
    assert list(home.iterdir()) == []
    assert report(tape) == first
    assert len(sensed) == 2


def test_a_disk_that_fills_up_later_leaves_no_half_judgement(tape: Path, home: Path, sensed: list[int]) -> None:
    """A trial on kept readings that cannot keep what it judges says what it says with room."""
    report(tape)
    (entry,) = home.iterdir()
    files = sorted(entry.iterdir())
    with full_disk(1_000):
        trial = report(tape, "indicators.volatility.trigger=6")
    assert sorted(entry.iterdir()) == files
    assert report(tape, "indicators.volatility.trigger=6") == trial
    assert len(sensed) == 1
