"""One page per first-party indicator: its descriptor, its settings, what it reads on the crash tape, and a hand-written part.

The hand-written parts are docs/generate/notes/<name>.md: sections with fixed headings. ``{key}`` in them becomes the default of
that configuration key, so that no number stands there twice.
"""

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Final

from flashcrash_core.api import IndicatorSpec, Role
from generate.markdown import NOTICE, table, text
from generate.scenes import CRASH, scenes_of
from generate.series import Series, digest, indicator_specs, series
from generate.settings_table import settings_table

__all__ = ["HEADINGS", "indicator_index", "indicator_page", "notes_of", "plot_name"]

HEADINGS: Final = ("What it measures", "Formula", "When it fires", "Known weaknesses", "Source")
"""Sections of a hand-written part, all of them required."""
NOTES: Final = Path(__file__).parent / "notes"

_ROLES: Final = {
    Role.CORE: "`core`: counts among the indicators that must agree",
    Role.CONFIRMATION: "`confirmation`: while it is fired two core indicators are enough instead of three",
    Role.PATTERN: "`pattern`: for score, entry and exit; counts nowhere in the detector",
    Role.DEPTH: "`depth`: fired, it blocks entries; otherwise for the score and its liquidity gate",
    Role.EXTRA: "`extra`: counts nowhere",
}


def plot_name(indicator: str, scene: str) -> str:
    """File name of a plot."""
    return f"{indicator}.svg" if scene == CRASH else f"{indicator}-{scene.replace('_', '-')}.svg"


def notes_of(spec: IndicatorSpec) -> dict[str, str]:
    """The hand-written sections, by heading, with the defaults filled in. Raises LookupError for a heading or key that is wrong."""
    raw = (NOTES / f"{spec.name}.md").read_text(encoding="utf-8")
    pieces = re.split(r"^## (.+)$", raw, flags=re.MULTILINE)
    if pieces[0].strip() or tuple(pieces[1::2]) != HEADINGS:
        raise LookupError(f"notes/{spec.name}.md: wants the headings {', '.join(HEADINGS)}, and nothing before the first")
    config = spec.config()

    def filled(match: re.Match[str]) -> str:
        if not hasattr(config, match[1]):
            raise LookupError(f"notes/{spec.name}.md: {{{match[1]}}} is no key of its configuration")
        value = getattr(config, match[1])
        return f"{value:g}" if isinstance(value, int | float) else str(value)

    return {heading: re.sub(r"\{(\w+)\}", filled, body).strip() for heading, body in zip(pieces[1::2], pieces[2::2], strict=True)}


def indicator_page(spec: IndicatorSpec) -> str:
    """The page of one indicator."""
    notes = notes_of(spec)
    out = [NOTICE, f"# {spec.name}", f"{text(spec.summary)}.", "## What it measures", notes["What it measures"], _facts(spec)]
    out += ["## Formula", notes["Formula"], "## When it fires", notes["When it fires"], "## Settings"]
    out += [f"Table `[indicators.{spec.name}]`. A value in the column of the `seed` profile differs from the default."]
    out += [settings_table(spec.config, _seed_profile().get(spec.name, {})), "## On a crash tape"]
    for key in scenes_of(spec.name):
        out += _plot(series(key, spec.name), plot_name(spec.name, key), key)
    out += ["## Known weaknesses", notes["Known weaknesses"], "## Source", notes["Source"]]
    return "\n\n".join(out) + "\n"


def _facts(spec: IndicatorSpec) -> str:
    indicator = spec.build(spec.config(), _context())
    rows = [
        ("role", _ROLES[spec.role]),
        ("needs", ", ".join(sorted(spec.needs))),
        ("warm-up", f"{spec.warmup_s:g} s"),
        ("statistics", ", ".join(f"`{name}`" for name in spec.statistics)),
        ("baselines", ", ".join(f"`{name}`" for name in spec.baselines) or "none of its own"),
        ("judged against", f"the baseline of `{spec.baseline_from}`" if spec.baseline_from else "its own baselines, if any"),
        ("persistence", f"{indicator.persist_us / 1e6:g} s" if indicator.persist_us else "none"),
        ("latch", f"{indicator.latch_us / 1e6:g} s" if indicator.latch_us else "none"),
        ("invariances", ", ".join(f"`{name}`" for name in sorted(spec.invariances))),
    ]
    return table(("", ""), rows)


def _context() -> Any:
    from flashcrash_core.api import BuildContext, simulated_instrument

    instrument = simulated_instrument("SIMUSDT")
    return BuildContext(instrument.symbol, instrument, source_is_mid=True, has_book=True)


def _seed_profile() -> dict[str, Any]:
    source = resources.files("flashcrash_core.config").joinpath("profiles/seed.toml").read_text(encoding="utf-8")
    tables: dict[str, Any] = tomllib.loads(source)["indicators"]
    return tables


def _plot(of: Series, name: str, key: str) -> list[str]:
    return [
        f"![{of.name}: price, judged value and when it fired]({name})",
        f"*{of.title}. This program made the market: the plot shows how the indicator works, and is no evidence of detection. "
        "Default settings, driven through the real panel and detector, with baselines frozen outside SLEEP.*",
        _told(of, crash=key == CRASH),
        f"<!-- series {digest(of)} -->",
    ]


def _told(of: Series, *, crash: bool) -> str:
    """What can be seen, in numbers."""
    fall = f"The price falls by {of.fall_pct:g} %"
    if of.low_s is not None:
        fall += f" within {of.low_s:g} s"
    if of.first_fired_s is None:
        said = [f"{fall}. It does not fire here; its value stays between {of.least:g} and {max(of.greatest or 0.0, 0.0):g}."]
    else:
        said = [f"{fall}. It first fires {of.first_fired_s:g} s after the start of {of.zero}, {of.fall_when_fired_pct:g} % down"]
        said[0] += f", and is on for {sum(end - start for start, end in of.fired if end > 0):.1f} s in all."
    if crash:
        if of.fired_before_s:
            said.append(f"In the {of.before_s:g} s of calm before it was on for {of.fired_before_s:g} s: false alarms.")
        else:
            said.append(f"In the {of.before_s:g} s of calm before it was never on.")
    return " ".join(said)


def indicator_index() -> str:
    """docs/indicators/README.md."""
    rows = [
        (f"[{s.name}]({s.name}.md)", f"`{s.role}`", ", ".join(sorted(s.needs)), f"{s.warmup_s:g} s", text(s.summary))
        for s in indicator_specs()
    ]
    parts = (
        NOTICE,
        "# The eight indicators",
        "What each one measures, its formula, every setting, and a plot of it over a synthetic crash. How they are counted is "
        "told in [architecture.md](../architecture.md); how to write one in [plugins/guide.md](../plugins/guide.md).",
        table(("indicator", "role", "needs", "warm-up", "value"), rows),
        "**The reference** is the document that the formulas were implemented from. It is not part of this repository; the pages "
        "name its sections (I1 to I8) and the papers that it names, and say where a choice is ours.",
    )
    return "\n\n".join(parts) + "\n"
