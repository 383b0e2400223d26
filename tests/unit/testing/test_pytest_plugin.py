"""The pytest plugin: loaded everywhere, so light; a header that lists plugins without importing them; fixtures that clean up."""

import subprocess
import sys
from pathlib import Path

import pytest

from flashcrash_core import __version__
from flashcrash_core import testing as kit
from flashcrash_core.api import API_VERSION
from flashcrash_core.testing import pytest_plugin

STRICT = "[pytest]\nfilterwarnings = error\naddopts = -p no:cacheprovider\n"
"""What this project runs with: any warning of the plugin is an error."""


def install(folder: Path, distribution: str, entries: dict[str, str], version: str = "0.3") -> None:
    """Put the metadata of a distribution on a path, with entry points of the group ``flashcrash``."""
    info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = "".join(f"{name} = {target}\n" for name, target in entries.items())
    (info / "entry_points.txt").write_text(f"[flashcrash]\n{lines}")


def test_the_header_counts_own_plugins_and_lists_the_others_without_importing_them(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third-party plugin whose module would fail at import is named with its version, and the session passes."""
    install(pytester.path, "vpin-kit", {"my-vpin": "vpin_kit", "a-second": "vpin_kit.more"})
    (pytester.path / "vpin_kit.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    pytester.makeini(STRICT)
    pytester.makepyfile("def test_nothing():\n    assert True\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    expected = f"flashcrash {__version__} (api {API_VERSION}): first-party: * plugins; third-party, listed, not imported: "
    result.stdout.fnmatch_lines([f"{expected}a-second 0.3, my-vpin 0.3"])


def test_the_header_says_so_when_there_is_no_third_party_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """With first-party plugins alone the line ends in ``third-party: none`` and has their number."""
    from flashcrash_core.registry import discovery

    points = [
        point for point in discovery.metadata.entry_points(group="flashcrash") if point.dist and point.dist.name == "flashcrash"
    ]
    monkeypatch.setattr(pytest_plugin.metadata, "entry_points", lambda group: points)
    line = pytest_plugin.pytest_report_header()
    assert line == f"flashcrash {__version__} (api {API_VERSION}): first-party: {len(points)} plugins; third-party: none"
    assert len(points) >= 17


def test_a_session_that_does_not_use_it_does_not_load_the_kernel() -> None:
    """Importing the plugin as pytest does brings neither numpy nor a part of the kernel, only the version."""
    program = (
        "import sys\n"
        "import pytest\n"
        "before = set(sys.modules)\n"
        "import flashcrash_core.testing.pytest_plugin\n"
        "print(*sorted(name for name in set(sys.modules) - before if name.partition('.')[0] not in sys.stdlib_module_names))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        "flashcrash_core",
        "flashcrash_core._version",
        "flashcrash_core.testing",
        "flashcrash_core.testing.pytest_plugin",
    ]


def test_the_fixtures_give_tapes_and_closed_harnesses(pytester: pytest.Pytester) -> None:
    """A test file without an import plays a tape in a harness; the harness is closed before the next test."""
    pytester.makeini(STRICT)
    pytester.makepyfile(
        """
        kept = []

        def test_plays(flashcrash_tape, flashcrash_harness):
            harness = flashcrash_harness(config={"run.seed": 5})
            other = flashcrash_harness()
            harness.play(flashcrash_tape("calm", seconds=20))
            other.trade("50000", 1)
            kept.extend([harness, other])
            assert harness.states == ("SLEEP",)

        def test_was_closed():
            assert [one._store for one in kept] == [None, None]
            assert kept[0].report["status"] == "done"
        """
    )
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=2)


def test_a_harness_is_closed_although_the_test_failed(pytester: pytest.Pytester) -> None:
    """A failing test leaves no temporary store behind, and no warning about one."""
    pytester.makeini(STRICT)
    pytester.makepyfile(
        """
        import pathlib
        kept = []

        def test_fails(flashcrash_harness):
            kept.append(pathlib.Path(flashcrash_harness()._folder.name))
            assert kept[0].exists()
            raise ValueError

        def test_is_gone():
            assert not kept[0].exists()
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(failed=1, passed=1)


def test_fixtures_are_listed_with_what_they_are_for(pytester: pytest.Pytester) -> None:
    """``pytest --fixtures`` shows both with their first line."""
    result = pytester.runpytest_subprocess("--fixtures")
    result.stdout.fnmatch_lines(["flashcrash_tape*", "*flashcrash_core.testing.tape*", "flashcrash_harness -- *", "*closes them*"])


def test_every_name_of_the_kit_can_be_had() -> None:
    """What ``flashcrash_core.testing`` lists exists and is listed once; another name is refused."""
    assert sorted(kit._HOME) == sorted(kit.__all__)
    for name in kit.__all__:
        assert getattr(kit, name) is not None
    assert set(kit.__all__) <= set(dir(kit))
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        kit.Nothing  # noqa: B018
