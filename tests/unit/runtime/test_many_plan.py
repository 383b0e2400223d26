"""Which tapes a folder stands for, in which order, and when a finished report is of the same run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from flashcrash_core.api import DataError, DataTier, SimulatedMarket, TapeMarket, UsageError, scenario_preset, write_tape
from flashcrash_core.runtime.launch import RunRequest, prepare
from flashcrash_core.runtime.many_plan import fingerprint, is_folder_of_tapes, plan_tapes, settings_identity
from flashcrash_core.runtime.many_reports import finished_report, held, write_whole
from flashcrash_core.runtime.many_tapes import run_many

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes a calm tape of a symbol and length below a folder."""

    def tape(folder: str, symbol: str = "AAAUSDT", calm_s: int = 5, seed: int = 1) -> Path:
        market = SimulatedMarket(scenario_preset("calm", symbol=symbol, calm_s=calm_s), seed)
        of = TapeMarket(market.instrument, has_book=True, data_tier=DataTier.SYNTHETIC, synthetic_book=True)
        (published,) = write_tape(tmp_path / folder, market.events(), {symbol: of})
        return published.path

    return tape


def test_a_folder_stands_for_all_tapes_below(make: Make, tmp_path: Path) -> None:
    """Tapes are found at any depth, the largest first; other files and hidden folders, which imports fill, are left alone."""
    small, large = make("all/x/deep", "AAAUSDT", 2), make("all", "BBBUSDT", 6)
    (tmp_path / "all" / "notes.txt").write_text("mine")
    shutil.copytree(small, tmp_path / "all" / ".tape-import-abc" / "CCCUSDT")
    plan = plan_tapes([tmp_path / "all"])
    assert [job.path for job in plan.jobs] == [large, small]
    assert plan.jobs[0].events > plan.jobs[1].events > 0
    assert plan.broken == ()
    assert (is_folder_of_tapes(tmp_path / "all"), is_folder_of_tapes(small)) == (True, False)


def test_a_tape_named_beside_its_folder_is_run_once(make: Make, tmp_path: Path) -> None:
    """Folders and tapes may be mixed; each tape is there once."""
    inner, other = make("all", "AAAUSDT"), make("more", "BBBUSDT")
    plan = plan_tapes([tmp_path / "all", inner, other / "tape.json"])
    assert sorted(job.symbol for job in plan.jobs) == ["AAAUSDT", "BBBUSDT"]


def test_symbols_choose(make: Make, tmp_path: Path) -> None:
    """Other symbols are left out and counted; one that is nowhere is an error."""
    make("all", "AAAUSDT")
    make("all", "BBBUSDT")
    plan = plan_tapes([tmp_path / "all"], ["BBBUSDT"])
    assert ([job.symbol for job in plan.jobs], plan.left_out) == (["BBBUSDT"], 1)
    with pytest.raises(UsageError, match="--symbols CCCUSDT: no tape of it"):
        plan_tapes([tmp_path / "all"], ["BBBUSDT", "CCCUSDT"])


def test_nothing_to_run_is_said(make: Make, tmp_path: Path) -> None:
    """A folder without tapes names what is there and the import; a file beside a folder and a missing path are named."""
    (tmp_path / "raw").mkdir()
    with pytest.raises(DataError, match=r"raw: the folder is empty; make tapes first with `flashcrash tape import"):
        plan_tapes([tmp_path / "raw"])
    (tmp_path / "raw" / "x.csv").write_text("1")
    with pytest.raises(DataError, match=r"no tape in this folder, only x.csv; make tapes first"):
        plan_tapes([tmp_path / "raw"])
    make("all")
    with pytest.raises(UsageError, match=r"x.csv: is no tape.*import it first"):
        plan_tapes([tmp_path / "all", tmp_path / "raw" / "x.csv"])
    with pytest.raises(DataError, match="nowhere: no such file or folder"):
        plan_tapes([tmp_path / "all", tmp_path / "nowhere"])


def test_a_day_that_is_there_twice_is_refused(make: Make, tmp_path: Path) -> None:
    """Two tapes of one market and day would count its events twice."""
    make("all/one", seed=1)
    make("all/two", seed=2)
    with pytest.raises(UsageError, match=r"AAAUSDT 2030-01-01 is there twice, in .*one.* and .*two"):
        plan_tapes([tmp_path / "all"])


def test_a_damaged_manifest_is_one_broken_tape(make: Make, tmp_path: Path) -> None:
    """A manifest that cannot be read, or was edited, is named; the other tapes are planned."""
    torn, edited = make("all", "AAAUSDT"), make("all", "BBBUSDT")
    make("all", "CCCUSDT")
    (torn / "tape.json").write_text('{"schema": "flashcrash.tape/1"')
    changed = json.loads((edited / "tape.json").read_text()) | {"has_book": False}
    (edited / "tape.json").write_text(json.dumps(changed))
    plan = plan_tapes([tmp_path / "all"])
    assert [job.symbol for job in plan.jobs] == ["CCCUSDT"]
    told = {one.path.parent.name: one.error for one in plan.broken}
    assert "tape.json: is" in told["AAAUSDT"]
    assert "its hash is not that of what it says" in told["BBBUSDT"]


def test_a_fingerprint_changes_with_what_decides(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, kind, plugins, an edited plugin file and the tape change it; database, engine and chosen symbols do not."""
    monkeypatch.chdir(tmp_path)
    one, two = make("all", seed=1), make("more", seed=2)
    (first,), (second,) = plan_tapes([one]).jobs, plan_tapes([two]).jobs

    def of(kind: str = "backtest", **options: object) -> str:
        return fingerprint(first, settings_identity(prepare(RunRequest(mode="backtest", **options)), kind))  # type: ignore[arg-type]

    same = of()
    assert of(db="other.db") == of(engine="batch") == of(symbols=("AAAUSDT",)) == same
    plugin = tmp_path / "mine.py"
    text = (
        'from flashcrash_core.api import PluginInfo, hookimpl\nflashcrash_plugin = PluginInfo(api=1, summary="Nothing")\n'
        "@hookimpl\ndef flashcrash_session_start(session_id):\n    pass\n"
    )
    plugin.write_text(text)
    with_plugin = of(plugins="+./mine.py")
    plugin.write_text(text + "# edited\n")
    others = [of("detect"), of(profile="seed"), of(overrides=("run.seed=9",)), with_plugin, of(plugins="+./mine.py")]
    others.append(fingerprint(second, settings_identity(prepare(RunRequest(mode="backtest")), "backtest")))
    assert len({same, *others}) == 1 + len(others)


def test_a_fingerprint_changes_with_a_helper_of_a_plugin(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plugin imports from its own package decides as much as its main module does."""
    (job,) = plan_tapes([make("all")]).jobs
    package = tmp_path / "helped_plugin"
    package.mkdir()
    for name, text in {
        "__init__": "",
        "helper": "LEVEL = 1\n",
        "main": "from flashcrash_core.api import PluginInfo, hookimpl\nfrom helped_plugin.helper import LEVEL\n"
        'flashcrash_plugin = PluginInfo(api=1, summary=f"Level {LEVEL}")\n'
        "@hookimpl\ndef flashcrash_session_start(session_id):\n    pass\n",
    }.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))

    def of() -> str:
        request = RunRequest(mode="backtest", plugins="+helped_plugin.main")
        return fingerprint(job, settings_identity(prepare(request), "backtest"))

    before = of()
    assert of() == before
    (package / "helper.py").write_text("LEVEL = 2\n")
    assert of() != before


def test_a_report_is_taken_only_when_it_is_of_the_run(tmp_path: Path) -> None:
    """Missing, torn, foreign and other reports are not taken; what is written is whole, over what a killed process left."""
    place = tmp_path / "out" / "AAAUSDT" / "2030-01-01.json"
    assert finished_report(place, "x") is None
    place.parent.mkdir(parents=True)
    place.with_name(".2030-01-01.json.tmp").write_text("torn by a ki")
    write_whole(place, b'{"fingerprint": "x", "pnl_net": 0.1}')
    assert str((finished_report(place, "x") or {})["pnl_net"]) == "0.1"
    assert [path.name for path in place.parent.iterdir()] == ["2030-01-01.json"]
    assert finished_report(place, "y") is None
    for content in (b'{"fingerprint": "x"', b"[1]", b"\xff"):
        place.write_bytes(content)
        assert finished_report(place, "x") is None


def test_one_call_at_a_time_writes_into_a_directory(tmp_path: Path) -> None:
    """A second call is refused while the first one holds the directory, and may go on after it."""
    with held(tmp_path / "out"), pytest.raises(UsageError, match="another flashcrash is writing into it"), held(tmp_path / "out"):
        pytest.fail("both hold it")
    with held(tmp_path / "out"):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"), held(tmp_path / "file"):
        pytest.fail("a file is no directory")


def test_what_cannot_be_asked_of_a_folder(make: Make, tmp_path: Path) -> None:
    """No worker and a database are refused before anything is run or written."""
    make("all")
    asked = RunRequest(mode="backtest", paths=(tmp_path / "all",))
    with pytest.raises(UsageError, match="--workers 0: must be at least 1"):
        run_many(asked, workers=0, out=tmp_path / "out")
    with pytest.raises(UsageError, match="keep no sessions; --out DIR"):
        run_many(attrs.evolve(asked, db=str(tmp_path / "x.db")), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "x.db").exists()
