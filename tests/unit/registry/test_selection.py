"""The grammar of --plugins, over a small set of installed plugins."""

import pytest

from flashcrash_core.errors import PluginConflict, PluginNotFound, UsageError
from flashcrash_core.registry import InstalledPlugin, how_to_name, installed_plugins, select

INSTALLED = [
    InstalledPlugin("depth", "own.depth", "flashcrash", "1", first_party=True),
    InstalledPlugin("spread", "own.spread", "flashcrash", "1", first_party=True),
    InstalledPlugin("foreign", "their.mod", "other", "2"),
]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ["depth", "spread"]),
        ("", ["depth", "spread"]),
        ([], ["depth", "spread"]),
        ("spread", ["spread"]),
        (" spread , depth ", ["spread", "depth"]),
        ("foreign,depth", ["foreign", "depth"]),
        ("+foreign", ["depth", "spread", "foreign"]),
        ("no:depth", ["spread"]),
        ("no:depth,foreign", ["spread", "foreign"]),
        (["+foreign", "no:spread"], ["depth", "foreign"]),
        ("their.mod", ["foreign"]),
        ("some.other.mod", ["mod"]),
        ("some.mod:thing", ["thing"]),
        ("spread,no:spread", []),
    ],
)
def test_what_a_list_selects(given: str | list[str] | None, expected: list[str]) -> None:
    """A plain list replaces the default; one that starts with + or no: edits it; modules and objects are taken as they are."""
    assert [candidate.name for candidate in select(INSTALLED, given).chosen] == expected


@pytest.mark.parametrize("given", ["no:foreign", "no:depth,no:foreign"])
def test_what_was_deselected_is_known(given: str) -> None:
    """Plugins that would have loaded by default are told apart from those that were never chosen."""
    assert "foreign" in select(INSTALLED, given).deselected
    assert "foreign" not in select(INSTALLED, None).deselected
    assert select(INSTALLED, "spread").deselected == {"depth"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("sprad", r'there is no plugin "sprad"; did you mean "spread"\?'),
        ("no:dept", r'there is no plugin "dept"; did you mean "depth"\?'),
        ("+zzz", r'there is no plugin "zzz"; installed: depth, foreign, spread'),
    ],
)
def test_an_unknown_name_names_the_nearest(given: str, message: str) -> None:
    """A misspelt name is an error, also behind ``no:`` where it would otherwise pass unseen."""
    with pytest.raises(PluginNotFound, match=message):
        select(INSTALLED, given)


def test_what_a_file_names_and_nothing_bears() -> None:
    """A plugin that was uninstalled since is told with the place that names it and what to do; the rest can be had without it."""
    with pytest.raises(PluginNotFound) as caught:
        select(INSTALLED, ["+gone"], named_by="local.toml:1 plugins")
    assert str(caught.value) == (
        'local.toml:1 plugins: there is no plugin "gone" (installed: depth, foreign, spread); reinstall it, take it out, or run '
        "with --safe-mode"
    )
    selection = select(INSTALLED, ["+gone", "./gone.py", "no:past", "foreign"], named_by="local.toml:1 plugins", strict=False)
    assert [candidate.name for candidate in selection.chosen] == ["depth", "spread", "foreign"]
    assert [name for name, _ in selection.missing] == ["gone", "./gone.py", "past"]
    assert all(str(error).startswith("local.toml:1 plugins: ") for _, error in selection.missing)


def test_no_takes_no_plus() -> None:
    """``+no:depth`` is answered with what to write."""
    with pytest.raises(UsageError, match=r"--plugins \+no:depth: no: takes no \+; write no:depth"):
        select(INSTALLED, "+no:depth")


def test_how_to_name_a_plugin_whose_name_others_bear() -> None:
    """Two third-party ones are told apart by module; one of a first-party name replaces it; a name of its own needs nothing."""
    twin = InstalledPlugin("foreign", "third.mod", "third", "3")
    taking = InstalledPlugin("depth", "taking.depth", "taking", "1")
    installed = [*INSTALLED, twin, taking]
    assert how_to_name(INSTALLED[2], installed).endswith("borne by third 3 too; to load this one write --plugins +their.mod")
    assert how_to_name(twin, installed).endswith("borne by other 2 too; to load this one write --plugins +third.mod")
    assert how_to_name(taking, installed).endswith(
        "borne by flashcrash 1 too; to load this one write --plugins no:depth,+taking.depth"
    )
    assert [how_to_name(plugin, installed) for plugin in INSTALLED[:2]] == ["", ""]
    with pytest.raises(PluginConflict, match=r"write the module you mean, \+their.mod or \+third.mod, or uninstall one"):
        select(installed, "+foreign")


@pytest.mark.parametrize("given", ["+", "a b.c", "1mod.x", "mod:", "mod:a-b"])
def test_malformed_elements_are_usage_errors(given: str) -> None:
    """What is neither a name nor a module path is refused with the form that is meant."""
    with pytest.raises((UsageError, PluginNotFound)):
        select(INSTALLED, given)


def test_the_shipped_plugins_are_installed() -> None:
    """Discovery reads the project's own entry points, without a repetition and without an import."""
    own = [plugin for plugin in installed_plugins() if plugin.first_party]
    assert len({plugin.name for plugin in own}) == len(own) >= 17
    assert {"volatility", "sqlite", "paper", "replay"} <= {plugin.name for plugin in own}


class Handed:
    """A plugin that is installed nowhere."""


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, ["depth", "spread", "mine"]),
        ("spread", ["spread", "mine"]),
        ("mine", ["mine"]),
        ("mine,spread", ["mine", "spread"]),
        ("no:depth,no:mine", ["spread"]),
    ],
)
def test_objects_are_chosen_beside_the_list(given: str | None, expected: list[str]) -> None:
    """An object that was handed over counts as named, stands where the list names it, and can be left out again."""
    handed = Handed()
    selection = select(INSTALLED, given, {"mine": handed})
    assert [candidate.name for candidate in selection.chosen] == expected
    assert all(candidate.held is handed and candidate.explicit for candidate in selection.chosen if candidate.name == "mine")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("depth,other.depth", r"plugin name depth is claimed twice: by flashcrash 1 \(own.depth\) and by module other.depth"),
        ("+other.depth", r"write no:depth before it"),
        ("one.mod,two.mod", r"by module one.mod and by module two.mod; .*write no:mod before it"),
    ],
)
def test_a_second_plugin_of_one_name_is_a_conflict(given: str, message: str) -> None:
    """A file or module that bears the name of a chosen plugin does not replace it without a word."""
    with pytest.raises(PluginConflict, match=message):
        select(INSTALLED, given)


def test_a_built_in_can_be_replaced_on_purpose() -> None:
    """``no:NAME`` before the module of that name says that it is meant; the same plugin named twice is no conflict."""
    assert [c.target for c in select(INSTALLED, "no:depth,+other.depth").chosen] == ["own.spread", "other.depth"]
    assert [c.target for c in select(INSTALLED, "depth,depth").chosen] == ["own.depth"]
