"""A wheel that brings metadata folders named flashcrash: installed by pip, it stays third-party in every mode."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from fresh_environment import FreshEnvironment, fresh_environment
from plugin_distributions import flashcrash

from flashcrash_core.registry.first_party import SHIPPED

EVIL = """\
import os, pathlib
pathlib.Path(os.environ["FCTEST_TRACE"]).write_text("executed")
from flashcrash_core.api import PluginInfo, hookimpl
flashcrash_plugin = PluginInfo(api=1, summary="for a test")
@hookimpl
def flashcrash_session_start(session_id):
    pass
"""
POINTS = "[flashcrash]\nevil = fctest_evil\nsimulated = fctest_evil\nweighted = flashcrash_scoring.weighted\n"
METADATA = "Metadata-Version: 2.1\nName: flashcrash\nVersion: {}\n"
DECISION_HASH = "9055ffab06088896b367cdc5f24bcc96"


def posing_wheel(folder: Path) -> Path:
    """``fctest-posing``: a module, an egg-info and, through its data folder, a second dist-info, both named flashcrash."""
    files = {
        "fctest_evil.py": EVIL,
        "flashcrash.egg-info/PKG-INFO": METADATA.format("0.1.0"),
        "flashcrash.egg-info/entry_points.txt": POINTS,
        "fctest_posing-1.0.data/purelib/flashcrash-9.dist-info/METADATA": METADATA.format("9"),
        "fctest_posing-1.0.data/purelib/flashcrash-9.dist-info/entry_points.txt": POINTS,
        "fctest_posing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: fctest-posing\nVersion: 1.0\n",
        "fctest_posing-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{name},sha256={_digest(text)},{len(text)}" for name, text in files.items()]
    record = "fctest_posing-1.0.dist-info/RECORD"
    wheel = folder / "fctest_posing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(record, "\n".join([*rows, f"{record},,", ""]))
    return wheel


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@frozen
class Place:
    """Runs flashcrash in ``cwd``, with the posing wheel installed in front of it or into its own environment."""

    cwd: Path
    site: Path
    environment: FreshEnvironment | None

    @property
    def trace(self) -> Path:
        return self.cwd / "trace"

    def __call__(self, *arguments: object, code: int = 0) -> "subprocess.CompletedProcess[str]":
        if self.environment is None:
            done = flashcrash(self.site, self.cwd, *arguments)
        else:
            done = self.environment.run("flashcrash", *arguments, cwd=self.cwd)
        assert done.returncode == code, (done.returncode, done.stdout[-3000:], done.stderr)
        return done

    def document(self, *arguments: object) -> Any:
        return json.loads(self(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return posing_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=["in front", "beside"])
def installed(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """``in front``: earlier on the path than this checkout. ``beside``: in the site-packages that flashcrash's wheel is in."""
    folder = tmp_path_factory.mktemp("posing")
    if request.param == "beside":
        environment = fresh_environment(folder)
        environment.install(wheel, cwd=folder)
        return environment.site_packages, environment
    site = folder / "site"
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index"]
    done = subprocess.run([*command, "--target", site, wheel], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return site, None


@pytest.fixture
def place(installed: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    site, environment = installed
    monkeypatch.setenv("FCTEST_TRACE", str(tmp_path / "trace"))
    for name in ("flashcrash.egg-info", "flashcrash-9.dist-info", "fctest_evil.py"):
        assert (site / name).exists()
    return Place(tmp_path, site, environment)


def test_it_is_listed_as_third_party_and_warned_of(place: Place) -> None:
    """Both folders are named with their place, none of their plugins is first-party, and all of ours are there."""
    listed = place.document("plugins", "list")
    rows = listed["plugins"]
    ours = [row for row in rows if row["first_party"]]
    assert len(ours) == len(SHIPPED)
    assert ({row["status"] for row in ours}, {row["distribution"] for row in ours}) == ({"loaded"}, {"flashcrash"})
    posing = [row for row in rows if not row["first_party"]]
    places = {f"flashcrash from {place.site / name}" for name in ("flashcrash.egg-info", "flashcrash-9.dist-info")}
    assert {row["distribution"] for row in posing} == places
    assert {row["status"] for row in posing} == {"listed"}
    assert {warning.partition(": ")[0].rpartition(" ")[0] for warning in listed["warnings"]} == places
    assert not place.trace.exists()


@pytest.mark.parametrize("mode", ["run", "safe mode"])
def test_a_run_is_what_it_was(place: Place, mode: str) -> None:
    """The default run decides the same with and without safe mode, names the folders in its report, and executes none of it."""
    report = place.document("run", *(["--safe-mode"] if mode == "safe mode" else []))
    assert report["decision_hash"] == DECISION_HASH
    assert len([warning for warning in report["warnings"] if "bears the name of flashcrash" in warning]) == 2
    assert not place.trace.exists()


def test_safe_mode_does_not_take_it_when_it_is_named(place: Place) -> None:
    """Named in the configuration it is left out by safe mode; in mode real it is refused, with leave for path plugins too."""
    (place.cwd / "local.toml").write_text('plugins = ["+evil"]\n')
    said = place.document("plugins", "list", "--safe-mode")["warnings"]
    assert "plugin evil: is not a first-party plugin; left out by safe mode" in said
    (place.cwd / "local.toml").unlink()
    place("plugins", "show", "weighted")  # it names what we ship, which is ours
    two = place("run", "--mode", "real", "--plugins", "+evil", code=2).stderr
    assert "plugin name evil is claimed by flashcrash from" in two
    for name in ("flashcrash_scoring.weighted", "fctest_evil"):
        assert (name == "fctest_evil") == ("bears the name of flashcrash and is not part" in _real(place, name))
    assert not place.trace.exists()


def _real(place: Place, name: str) -> str:
    return place("run", "--mode", "real", "--allow-path-plugins", "--plugins", f"+{name}", code=2).stderr


def test_it_cannot_be_locked(place: Place) -> None:
    """`plugins lock` names the folder; with one name claimed twice it says by whom."""
    said = place("plugins", "lock", "fctest_evil", code=2).stderr
    assert "bears the name of flashcrash and is not part of this flashcrash, so that it cannot be locked" in said
    assert not place.trace.exists()
    assert os.listdir(place.cwd) == []
