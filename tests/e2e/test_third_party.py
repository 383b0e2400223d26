"""A third party's package from wheel to run: built, installed beside the wheel of flashcrash, listed, checked, used, removed."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fresh_environment import CHECKOUT, FreshEnvironment, build_wheel, fresh_environment

pytestmark = pytest.mark.slow

EXAMPLE = CHECKOUT / "tests" / "third_party" / "flashcrash-example"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example: building and testing it leaves nothing in the checkout."""
    copy = tmp_path_factory.mktemp("source") / "flashcrash-example"
    shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns(".*", "__pycache__", "dist"))
    return copy


@pytest.fixture(scope="module")
def environment(source: Path, tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """flashcrash and the example, each from its wheel."""
    folder = tmp_path_factory.mktemp("third-party")
    made = fresh_environment(folder)
    made.install(build_wheel(source, folder / "example"), cwd=folder)
    return made


def listed(environment: FreshEnvironment, cwd: Path, *options: str) -> dict[str, dict[str, Any]]:
    rows = environment.report("flashcrash", "plugins", "list", "--json", *options, cwd=cwd)["plugins"]
    return {row["name"]: row for row in rows}


def test_it_is_listed_and_not_imported(environment: FreshEnvironment, tmp_path: Path) -> None:
    """An installed package of a third party is shown with its distribution, and none of its code has run."""
    row = listed(environment, tmp_path)["vpin"]
    assert (row["status"], row["distribution"], row["version"], row["first_party"]) == (
        "listed",
        "flashcrash-example",
        "1.0.0",
        False,
    )
    assert "not imported" in environment.ok("flashcrash", "plugins", "list", cwd=tmp_path)
    code = (
        "import sys; from flashcrash_core.registry import load_registry; load_registry();"
        "print([name for name in sys.modules if name.startswith('flashcrash_example')])"
    )
    assert environment.ok("python", "-c", code, cwd=tmp_path).strip() == "[]"
    assert listed(environment, tmp_path, "--plugins", "+vpin")["vpin"]["status"] == "loaded"


def test_its_own_tests_pass(environment: FreshEnvironment, source: Path) -> None:
    """The contract in three lines, the published vector and the rest, run by pytest against both wheels."""
    out = environment.ok("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=source)
    assert " passed" in out
    assert " failed" not in out


def test_it_passes_the_check_command(environment: FreshEnvironment, tmp_path: Path) -> None:
    """The same battery without pytest, quick: exit code 0, and rows that were really run."""
    (battery,) = environment.report("flashcrash", "plugins", "check", "vpin", "--quick", "--json", cwd=tmp_path)["subjects"]
    outcomes = [row["outcome"] for row in battery["checks"]]
    assert set(outcomes) <= {"passed", "skipped"}
    assert outcomes.count("passed") >= 20


def test_it_is_used_beside_the_eight(environment: FreshEnvironment, whole: Any, small: list[str], tmp_path: Path) -> None:
    """Named and nothing else, it is read and reported; it counts nowhere, so every decision is the one without it."""
    report = environment.report("flashcrash", "run", "--plugins", "+vpin", "--db", "x.db", "--json", *small, cwd=tmp_path)
    readings = {reading["name"]: reading for reading in report["detection"]["SIMUSDT"]["readings"]}
    assert len(readings) == 9
    assert readings["vpin"]["ready"]
    assert 0 < readings["vpin"]["value"] <= 1
    assert report["decision_hash"] == whole.report["decision_hash"]
    assert report["trades"] == whole.report["trades"]
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        stored = connection.execute("SELECT plugins FROM sessions").fetchone()[0]
    assert "flashcrash-example 1.0.0" in stored


def test_resume_has_it_again(environment: FreshEnvironment, comparable: Any, small: list[str], tmp_path: Path) -> None:
    """A session that was started with the plugin named goes on with the same instance and its state."""
    short = ("--duration", "60", "--set", "run.snapshot_s=10", "--db", "x.db", "--json")
    run = environment.report("flashcrash", "run", "--plugins", "+vpin", *short, *small, cwd=tmp_path)
    with closing(sqlite3.connect(tmp_path / "x.db")) as connection:
        # As if the run had been killed after the snapshot before the last.
        connection.execute("UPDATE sessions SET status = 'crashed'")
        connection.execute("DELETE FROM snapshots WHERE id = (SELECT max(id) FROM snapshots)")
        connection.commit()
    resumed = environment.report("flashcrash", "run", "--resume", "last", "--db", "x.db", "--json", cwd=tmp_path)
    assert "vpin" in str(resumed["detection"])
    assert comparable(resumed) == comparable(run)


def test_uninstalled_it_leaves_no_trace(source: Path, environment: FreshEnvironment, tmp_path: Path) -> None:
    """After pip uninstall no file of it is left, nothing lists it, and naming it is an error that says so."""
    environment.pip("uninstall", "--yes", "flashcrash-example", cwd=tmp_path)
    try:
        assert list(environment.site_packages.glob("flashcrash_example*")) == []
        assert "vpin" not in listed(environment, tmp_path)
        done = environment.run("flashcrash", "run", "--plugins", "+vpin", cwd=tmp_path)
        assert done.returncode == 2
        assert 'there is no plugin "vpin"' in done.stderr
    finally:  # the tests of this module may run in any order
        environment.install(build_wheel(source, tmp_path / "again"), cwd=tmp_path)
