"""``plugins new`` for every kind: made by the installed command, installed, tested, checked and run as they are."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fresh_environment import FreshEnvironment, fresh_environment

from flashcrash_core.registry import KINDS

pytestmark = pytest.mark.slow

KINDS_OF_RUNS = {"scorer": "scorer", "strategy": "strategy", "executor": "executor"}
SHORT = ("--duration", "20")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """flashcrash from its wheel, and one new project of every kind, installed as its README says."""
    folder = tmp_path_factory.mktemp("scaffold")
    made = fresh_environment(folder)
    for kind in KINDS:
        made.ok("flashcrash", "plugins", "new", f"my-{kind}", "--kind", kind, cwd=folder)
    made.install(*(part for kind in KINDS for part in ("--editable", folder / f"my-{kind}")), cwd=folder)
    return made


def project(environment: FreshEnvironment, kind: str) -> Path:
    return environment.folder.parent / f"my-{kind}"


@pytest.mark.parametrize("kind", KINDS)
def test_its_tests_pass_at_once(environment: FreshEnvironment, kind: str) -> None:
    """The three lines run the whole contract of the kind, and nothing in it fails."""
    out = environment.ok("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project(environment, kind))
    assert int(out.rsplit(" passed", 1)[0].split()[-1]) >= 10, out[-400:]


def test_they_pass_the_check_command(environment: FreshEnvironment, tmp_path: Path) -> None:
    """The same batteries without pytest, quick: exit code 0 and nothing failed in any of them."""
    names = [f"my-{kind}" for kind in KINDS]
    batteries = environment.report("flashcrash", "plugins", "check", *names, "--quick", "--json", cwd=tmp_path)["subjects"]
    assert len(batteries) == len(KINDS)
    for battery in batteries:
        assert {row["outcome"] for row in battery["checks"]} <= {"passed", "skipped"}, battery


def test_its_types_hold(environment: FreshEnvironment) -> None:
    """All of them pass mypy --strict against the installed wheel."""
    packages = [project(environment, kind) / "src" for kind in KINDS]
    environment.ok("python", "-m", "mypy", "--strict", *packages, cwd=environment.folder.parent)


@pytest.mark.parametrize("kind", KINDS_OF_RUNS)
def test_a_run_uses_it(environment: FreshEnvironment, small: list[str], tmp_path: Path, kind: str) -> None:
    """Chosen in the configuration it takes the shipped one's place, and the run ends well."""
    used = ("--plugins", f"+my-{kind}", "--set", f"{KINDS_OF_RUNS[kind]}.use=my-{kind}", "--db", "x.db")
    report = environment.report("flashcrash", "run", *used, "--json", *small, cwd=tmp_path)
    assert report["status"] == "done"
    assert report["trades"], "a run that trades nothing shows nothing about it"
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        stored = connection.execute("SELECT plugins FROM sessions").fetchone()[0]
    assert f"flashcrash-my-{kind} 0.1.0" in stored


def test_the_indicator_is_read_beside_the_eight(environment: FreshEnvironment, small: list[str], tmp_path: Path) -> None:
    """Named and nothing else, its reading is in the report."""
    report = environment.report("flashcrash", "run", "--plugins", "+my-indicator", *SHORT, "--json", *small, cwd=tmp_path)
    readings = {reading["name"]: reading for reading in report["detection"]["SIMUSDT"]["readings"]}
    assert readings["my-indicator"]["ready"]
    assert len(readings) == 9


def test_the_store_keeps_a_session(environment: FreshEnvironment, small: list[str], tmp_path: Path) -> None:
    """A run writes to it, the commands read from it, and a session can be resumed from it after a crash."""
    chosen = '[storage]\nuse = "my-store"\n[run]\ndb = "sessions"\n'
    (tmp_path / "local.toml").write_text(f'plugins = ["+my-store"]\n{chosen}', encoding="utf-8")
    kept = ("--set", "run.snapshot_s=6")
    report = environment.report("flashcrash", "run", *SHORT, *kept, "--json", *small, cwd=tmp_path)
    (path,) = (tmp_path / "sessions").glob("*.jsonl")
    rows = environment.report("flashcrash", "sessions", "list", "--json", cwd=tmp_path)["sessions"]
    assert [(row["id"], row["status"]) for row in rows] == [(path.stem, "done")]
    # As if the process had been killed before it could end the session.
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]) + b'["changes", {"sta')
    rows = environment.report("flashcrash", "sessions", "list", "--json", cwd=tmp_path)["sessions"]
    assert rows[0]["status"] == "crashed"
    resumed = environment.report("flashcrash", "run", "--resume", "last", "--json", cwd=tmp_path)
    assert resumed["decision_hash"] == report["decision_hash"]


def test_the_feed_finds_its_files(environment: FreshEnvironment, tmp_path: Path) -> None:
    """A file with its header is opened by it without --feed."""
    rows = "".join(f"{1_760_000_400_000_000 + i * 100_000},BTCUSDT,buy,100.{i % 10},1.5\n" for i in range(50))
    (tmp_path / "trades.csv").write_text(f"time_us,symbol,side,price,quantity\n{rows}")
    named = ("--plugins", "+my-feed", "--tape", "trades.csv")
    report: dict[str, Any] = environment.report("flashcrash", "run", *named, "--json", cwd=tmp_path)
    assert (report["symbols"], report["events"], report["data_tier"]) == (["BTCUSDT"], 50, "trades")
