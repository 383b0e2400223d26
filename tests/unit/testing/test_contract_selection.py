"""Selecting a few tests of a contract never makes a broken plugin look sound."""

from pathlib import Path

import pytest

from flashcrash_core.testing import battery_of

PLUGIN = """\
from flashcrash_core.api import IndicatorSpec, PluginInfo, hookimpl

flashcrash_plugin = PluginInfo(api=1, summary="s")

@hookimpl
def flashcrash_indicators():
    return [IndicatorSpec(name="empty-build", summary="s", build=lambda config, context: None, statistics=("x",))]
"""
TEST = """\
from flashcrash_core.testing import QUICK, IndicatorContract

class TestIt(IndicatorContract):
    plugin = "./mine.py"
    effort = QUICK
"""


@pytest.mark.parametrize(("source", "told"), [("", "there is no such file"), (PLUGIN, "interface failed")])
def test_one_selected_test_fails_for_a_plugin_that_cannot_be_checked(pytester: pytest.Pytester, source: str, told: str) -> None:
    """A plugin that cannot be loaded, or whose interface is broken, fails the one test that was selected; it is not skipped."""
    if source:
        Path(pytester.path, "mine.py").write_text(source, encoding="utf-8")
    pytester.makepyfile(test_it=TEST)
    result = pytester.runpytest_subprocess("-k", "memory_growth", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1, deselected=len(battery_of("indicator")) - 1)
    assert told in result.stdout.str()
