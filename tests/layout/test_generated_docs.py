"""The generated pages of docs/ say what the code says now, and the code leaves nothing undocumented."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from generate.checks import skipped_when
from generate.hooks import PARTS, Hook, hooks, read_hook, spec_classes, spec_fields
from generate.indicators import HEADINGS, notes_of, plot_name
from generate.markdown import DOCS
from generate.pages import PAGES
from generate.scenes import CRASH, scenes_of
from generate.series import digest, indicator_specs, series
from generate.settings_table import range_of

from flashcrash_core.api import IndicatorSpec
from flashcrash_core.cli.describe import config_rows
from flashcrash_core.config import config_keys

RENEW = "run `make docs`"


@pytest.mark.parametrize("hook", hooks(), ids=lambda hook: hook.name)
def test_every_hook_is_documented_in_all_its_parts(hook: Hook) -> None:
    """Each hook has a summary, every part of the regular form, and one text per argument; nothing is documented that it lacks."""
    assert hook.summary
    assert list(hook.parts) == list(PARTS)
    assert [name for name, part in hook.parts.items() if not part] == []
    assert set(hook.arguments) == set(hook.parameters)
    assert [name for name, text in hook.arguments.items() if len(text) < 10] == []


def test_an_undocumented_argument_would_be_found() -> None:
    """An argument that only the text of its neighbour mentions is not documented, and neither is a part that is left out."""

    def planted(self: object, known: int, forgotten: int) -> None:
        """Do something.

        Called:
            Never.
        Arguments:
            known: Goes together with forgotten,
                forgotten: as said here.
        """

    hook = read_hook("flashcrash_planted", planted)
    assert hook.parameters == ("known", "forgotten")
    assert set(hook.arguments) == {"known"}
    assert list(hook.parts) == ["Called", "Arguments"]


@pytest.mark.parametrize("cls", spec_classes(), ids=lambda cls: str(cls.__name__))
def test_every_field_of_a_descriptor_is_documented(cls: type[Any]) -> None:
    """Each field that a descriptor class declares has an attribute docstring."""
    fields = spec_fields(cls)
    assert fields
    assert [name for name, _, _, doc in fields if len(doc) < 10] == []


@pytest.mark.parametrize("spec", indicator_specs(), ids=lambda spec: str(spec.name))
def test_every_indicator_is_documented(spec: IndicatorSpec) -> None:
    """Each first-party indicator has every hand-written section, and a docstring and a range for every key of its configuration."""
    assert [heading for heading, body in notes_of(spec).items() if len(body) < 20] == []
    assert [row["key"] for row in config_rows(spec.config) if len(row["doc"]) < 10] == []
    assert [item.name for item in config_keys(spec.config) if not range_of(spec.config, item)] == []


def test_a_number_in_the_notes_is_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``{key}`` becomes the default; a key that does not exist and a heading that is missing are errors."""
    spec = next(spec for spec in indicator_specs() if spec.name == "imbalance")
    monkeypatch.setattr("generate.indicators.NOTES", tmp_path)
    sections = "".join(f"## {heading}\nfires at {{trigger}}\n" for heading in HEADINGS)
    note = tmp_path / "imbalance.md"
    note.write_text(sections)
    assert notes_of(spec)["Formula"] == "fires at -0.8"
    note.write_text(sections.replace("{trigger}", "{triger}"))
    with pytest.raises(LookupError, match="triger"):
        notes_of(spec)
    note.write_text(sections.replace("## Source", "### Source"))
    with pytest.raises(LookupError, match="Source"):
        notes_of(spec)


def test_the_reason_for_skipping_is_read_from_the_check() -> None:
    """Fixed text, text with a value that is fixed when the check is made, and text that depends on the plugin are all shown."""

    def needs(what: str) -> Callable[[Any], str]:
        def applies(subject: Any) -> str:
            if subject.old:
                return "is too old"
            return "" if what in subject.needs else f"does not need the {what}, only {subject.needs}"

        return applies

    def always(_subject: Any) -> str:
        return ""

    assert skipped_when(needs("book")) == "is too old; does not need the book, only ..."
    assert skipped_when(always) == ""


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_what_the_generator_writes(name: str) -> None:
    """Each generated page equals what would be written now: hooks, keys, defaults, and the digest of every plotted series."""
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), RENEW


@pytest.mark.parametrize("spec", indicator_specs(), ids=lambda spec: str(spec.name))
def test_a_plot_shows_the_series_of_its_page(spec: IndicatorSpec) -> None:
    """Each plot is a small SVG that names the digest of the series as they are now, and says that the market is synthetic."""
    for key in scenes_of(spec.name):
        path = DOCS / "indicators" / plot_name(spec.name, key)
        drawn = path.read_text(encoding="utf-8")
        assert digest(series(key, spec.name)) in drawn, f"{path.name}: {RENEW}"
        assert "SYNTHETIC" in drawn
        assert path.stat().st_size < 60_000


def test_no_page_or_plot_is_left_over() -> None:
    """docs/indicators holds the pages and plots of the indicators that exist, and nothing else."""
    expected = {"README.md", *(f"{spec.name}.md" for spec in indicator_specs())}
    expected |= {plot_name(spec.name, key) for spec in indicator_specs() for key in scenes_of(spec.name)}
    assert {path.name for path in (DOCS / "indicators").iterdir()} == expected


def test_a_digest_sees_a_change_in_the_last_digit() -> None:
    """A series that differs in one drawn value has another digest."""
    one = series(CRASH, "imbalance")
    values = tuple(value if k != 100 or value is None else value + 1e-4 for k, value in enumerate(one.values))
    assert values != one.values
    assert digest(attrs.evolve(one, values=values)) != digest(one)
