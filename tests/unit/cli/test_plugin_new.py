"""``plugins new``: which names and places it takes, and what it renders. That the projects work is tests/e2e/test_scaffold.py."""

import subprocess
import sys
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flashcrash_core.cli.main import app
from flashcrash_core.cli.scaffold import ProjectNames, project_names, render_project, write_project
from flashcrash_core.errors import UsageError
from flashcrash_core.registry import KINDS

TEMPLATES = resources.files("flashcrash_core.cli.scaffold").joinpath("templates")
TEMPLATED = sorted(folder.name for folder in TEMPLATES.iterdir() if folder.name != "common")
LONGEST = "a-name-of-thirty-characters-xx"


def test_names_follow_from_the_plugins_name() -> None:
    """The plugin keeps its dashes, the distribution says what it is for, package and module can be imported."""
    assert project_names("my-vpin2", "indicator") == ProjectNames(
        plugin="my-vpin2", kind="indicator", distribution="flashcrash-my-vpin2", package="flashcrash_my_vpin2",
        module="my_vpin2", cls="MyVpin2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MyVpin", "try my-vpin"),
        ("my_vpin", "try my-vpin"),
        ("my vpin", "try my-vpin"),
        ("my--vpin", "try my-vpin"),
        ("9lives", "try my-9lives"),
        ("über", "try uber"),
        ("Class", "try my-class"),
        ("class", "class is a word of Python; try my-class"),
        ("match", "its module would be match.py, and match is a word of Python; try my-match"),
        ("-", "as in my-vpin"),
        ("", "as in my-vpin"),
        ("../evil", "try evil"),
        ("vpin\n", "try vpin"),
        ("ünïcode", "try unicode"),
        ("日本", "as in my-vpin"),
        (LONGEST + "x", "at most 30 characters"),
        ("flashcrash", "leave out the flashcrash-"),
        ("flashcrash-vpin", "write plugins new vpin"),
        ("volatility", "is shipped with flashcrash; choose another name, as in my-volatility"),
        ("sqlite", "is shipped with flashcrash"),
        ("core", "its package would be flashcrash_core, which exists"),
        ("indicators", "its package would be flashcrash_indicators, which exists"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name: str, said: str) -> None:
    """Bad characters, names of shipped plugins and packages that exist are refused with what to write instead."""
    with pytest.raises(UsageError) as caught:
        project_names(name, "indicator")
    assert said in str(caught.value)


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    """A misspelt kind names the one that was meant."""
    with pytest.raises(UsageError, match='did you mean "indicator"'):
        project_names("my-vpin", "indicater")


def test_a_place_that_holds_anything_is_left_alone(tmp_path: Path) -> None:
    """A folder with a file in it, or a file, is refused; nothing is written beside or over it."""
    (tmp_path / "mine.txt").write_text("mine")
    for place, said in ((tmp_path, "is not empty"), (tmp_path / "mine.txt", "is not a folder")):
        with pytest.raises(UsageError, match=said):
            write_project(place, {"mine.txt": "theirs", "other.txt": ""})
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_place_that_cannot_be_written_is_an_error_with_its_name(tmp_path: Path) -> None:
    """A path through a file ends as a message, not as a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written: Not a directory"):
        write_project(tmp_path / "file" / "project", {"pyproject.toml": ""})


@pytest.mark.parametrize("kind", TEMPLATED)
@pytest.mark.parametrize("name", ["x", "my-vpin", LONGEST])
def test_rendered_projects_are_clean(tmp_path: Path, kind: str, name: str) -> None:
    """For the shortest and the longest name the code passes ruff and its format, no placeholder is left, and the metadata reads."""
    names = project_names(name, kind)
    files = render_project(names)
    write_project(tmp_path / "project", files)
    left = [path for path, text in files.items() if "$" in text]
    assert left == []
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["entry-points"]["flashcrash"] == {name: f"{names.package}.{names.module}"}
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."], cwd=tmp_path / "project", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("kind", ["indicator", "scorer"])
def test_the_test_of_the_example_formula_says_so(kind: str) -> None:
    """Who changes the formula is told that the numbers of the generated test change with it."""
    files = render_project(project_names("my-vpin", kind))
    assert "belongs to the example formula: when you change the formula" in files["tests/test_my_vpin.py"]


def test_every_kind_has_its_template() -> None:
    """Whatever can be a plugin can be begun with this command."""
    assert set(TEMPLATED) == set(KINDS)


def test_the_command_says_what_to_do_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes to ./NAME, lists the files and prints the commands from there to a run."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["plugins", "new", "my-vpin"])
    assert done.exit_code == 0, done.output
    lines = [line.strip() for line in done.output.splitlines()]
    assert lines[0] == "my-vpin: an indicator my-vpin, distribution flashcrash-my-vpin"
    assert lines[lines.index("next:") + 1 :] == [
        "cd my-vpin", "pip install -e '.[dev]'", "pytest", "flashcrash plugins check my-vpin", "flashcrash run --plugins +my-vpin",
    ]  # fmt: skip
    assert (tmp_path / "my-vpin" / "src" / "flashcrash_my_vpin" / "my_vpin.py").is_file()


def test_the_command_writes_where_it_is_told(tmp_path: Path) -> None:
    """--path names the folder itself; an empty one is used as it is."""
    place = tmp_path / "a place"
    place.mkdir()
    done = CliRunner().invoke(app, ["plugins", "new", "my-vpin", "--kind", "indicator", "--path", str(place)])
    assert done.exit_code == 0, done.output
    assert f"cd '{place}'" in done.output
    assert (place / "pyproject.toml").is_file()
