"""The layers of the configuration, their order, and the origin of every key."""

from pathlib import Path

import pytest

from flashcrash_core.config import config_from_tree, load_config
from flashcrash_core.errors import ConfigError

ROOT = Path(__file__).parents[3]


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_hold_without_any_file(tmp_path: Path) -> None:
    """Without files, environment and options the built-in defaults and the robust profile stand, and say so."""
    loaded = load_config(environ={}, cwd=tmp_path)
    assert (loaded.profile, loaded.settings.run.mode, loaded.settings.run.feed) == ("robust", "paper", "simulated")
    assert loaded.settings.executor_name == "paper"
    assert str(loaded.origin("run.seed")) == "default"
    assert loaded.origin("indicators.volatility.use").layer == "profile"
    assert str(loaded.origin("indicators.volatility.use")).startswith("profiles/robust.toml:")


def test_each_layer_beats_the_one_below(tmp_path: Path) -> None:
    """Project file < local.toml < --config < environment < --set, one key at a time, with file and line as the origin."""
    write(tmp_path, "config/flashcrash.toml", "[run]\nseed = 2\n")
    seen = [load_config(environ={}, cwd=tmp_path)]
    write(tmp_path, "local.toml", "# mine\n\n[run]\nseed = 3\n")
    seen.append(load_config(environ={}, cwd=tmp_path))
    write(tmp_path, "extra.toml", "run.seed = 4\n")
    seen.append(load_config(environ={}, cwd=tmp_path, config_file="extra.toml"))
    environ = {"FLASHCRASH__RUN__SEED": "5", "FLASHCRASH_DATA": "/not/ours"}
    seen.append(load_config(environ=environ, cwd=tmp_path, config_file="extra.toml"))
    seen.append(load_config(environ=environ, cwd=tmp_path, config_file="extra.toml", overrides=["run.seed=9", "run.seed=6"]))
    assert [loaded.settings.run.seed for loaded in seen] == [2, 3, 4, 5, 6]
    assert [str(loaded.origin("run.seed")) for loaded in seen] == [
        "config/flashcrash.toml:2",
        "local.toml:4",
        "extra.toml:1",
        "FLASHCRASH__RUN__SEED",
        "--set",
    ]
    assert seen[-1].files == ("config/flashcrash.toml", "local.toml", "extra.toml")


def test_a_key_of_a_lower_layer_survives_beside_one_of_a_higher(tmp_path: Path) -> None:
    """Tables merge key by key; lists are replaced whole."""
    write(tmp_path, "config/flashcrash.toml", '[run]\nseed = 2\nsymbols = ["A", "B"]\n')
    write(tmp_path, "local.toml", '[run]\nsymbols = ["C"]\n')
    loaded = load_config(environ={}, cwd=tmp_path)
    assert (loaded.settings.run.seed, loaded.settings.run.symbols) == (2, ("C",))


@pytest.mark.parametrize(
    "arguments",
    [
        {"overrides": ["profile=seed"]},
        {"environ": {"FLASHCRASH__PROFILE": "seed"}},
        {"profile": "seed"},
        {"profile": "seed", "overrides": ["profile=robust"]},
    ],
)
def test_any_layer_may_choose_the_profile(tmp_path: Path, arguments: dict[str, object]) -> None:
    """The profile is resolved first, from the highest layer that names one; --profile beats them all."""
    loaded = load_config(**{"environ": {}, "cwd": tmp_path, **arguments})  # type: ignore[arg-type]
    assert loaded.profile == "seed"
    assert loaded.origin("indicators.volatility.use").source == "profiles/seed.toml"


def test_a_profile_named_in_a_file_stays_below_that_file(tmp_path: Path) -> None:
    """The profile is the lowest layer whoever names it: a key beside ``profile = `` wins over the profile's."""
    write(tmp_path, "local.toml", 'profile = "seed"\n[detector]\nhold_s = 4.0\n')
    assert load_config(environ={}, cwd=tmp_path).settings.detector.hold_s == 4.0


def test_another_plugin_starts_with_a_clean_table(tmp_path: Path) -> None:
    """A layer that changes ``use`` drops the keys that lower layers wrote for the other plugin."""
    write(tmp_path, "local.toml", '[indicators.volatility]\nuse = "mine"\ndepth = 3\n')
    loaded = load_config(environ={}, cwd=tmp_path, overrides=["indicators.volatility.width=4"])
    assert loaded.settings.indicators["volatility"].options == {"depth": 3, "width": 4}
    assert str(loaded.origin("indicators.volatility.depth")) == "local.toml:3"
    assert str(loaded.origin("indicators.volatility.width")) == "--set"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.5", 0.5), ("5", 5), ("max", "max"), ('"2"', "2"), ("true", True), ('["A", "B"]', ["A", "B"]), ("a b", "a b"), ("", "")],
)
def test_environment_and_set_values_are_toml_or_else_text(tmp_path: Path, text: str, expected: object) -> None:
    """``5`` is a number, ``"5"`` and anything that is no TOML value are text, the same in both layers."""
    by_environment = load_config(environ={"FLASHCRASH__FEEDS__SIMULATED__KEY": text}, cwd=tmp_path)
    by_option = load_config(environ={}, cwd=tmp_path, overrides=[f"feeds.simulated.key={text}"])
    for loaded in (by_environment, by_option):
        value = loaded.settings.feeds["simulated"]["key"]
        assert value == expected
        assert isinstance(value, type(expected))


def test_environment_keeps_the_case_of_symbols(tmp_path: Path) -> None:
    """Names are lower-cased, but a symbol under ``instruments`` stays as it is written."""
    loaded = load_config(environ={"FLASHCRASH__INSTRUMENTS__SOLUSDT__TICK_SIZE": "0.01"}, cwd=tmp_path)
    assert loaded.settings.instrument_overrides["SOLUSDT"].keys() == {"tick_size"}


def test_decimals_keep_the_digits_of_the_text(tmp_path: Path) -> None:
    """A TOML number becomes the exact decimal that was written, beyond what a binary float holds."""
    write(
        tmp_path,
        "local.toml",
        "[instruments.X]\ntick_size = 0.1000000000000000000001\nlot_size = '1e-8'\nmin_notional = 1_000.50\n",
    )
    table = load_config(environ={}, cwd=tmp_path).settings.instruments["X"]
    assert [str(table.tick_size), str(table.lot_size), str(table.min_notional)] == ["0.1000000000000000000001", "1E-8", "1000.50"]


def test_a_stored_configuration_is_read_back_equal(tmp_path: Path) -> None:
    """What a session stores of its configuration structures to the same settings, also after a change of the defaults' layer."""
    write(tmp_path, "local.toml", 'plugins = ["no:depth"]\n[fees]\nmaker_bps = 7.5\n[instruments.X]\ntick_size = 0.10\n')
    loaded = load_config(environ={}, cwd=tmp_path, profile="seed")
    again = config_from_tree(loaded.as_plain(), "session 1")
    assert again.settings == loaded.settings
    assert again.as_plain() == loaded.as_plain()


def test_the_effective_configuration_names_every_origin(tmp_path: Path) -> None:
    """Each key once; a key beside a configured one is still a default."""
    write(tmp_path, "local.toml", "[run]\nseed = 3\n")
    values = {item.key: item for item in load_config(environ={}, cwd=tmp_path).effective()}
    assert str(values["run.seed"].origin) == "local.toml:2"
    assert str(values["run.db"].origin) == "default"
    assert values["run.seed"].value == 3


def test_the_example_file_is_good(tmp_path: Path) -> None:
    """The commented example loads as it is, and is not one of the names that are read without asking."""
    example = ROOT / "config" / "flashcrash.example.toml"
    loaded = load_config(environ={}, cwd=tmp_path, config_file=example)
    assert str(loaded.settings.instruments["SOLUSDT"].tick_size) == "0.01"
    assert not (ROOT / "config" / "flashcrash.toml").exists()


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    """A --config that is not there is an error that names it; the project's own files are optional."""
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file"):
        load_config(environ={}, cwd=tmp_path, config_file="nowhere.toml")
