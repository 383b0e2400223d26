"""Draws one scene of one indicator as SVG: price above, judged value with trigger and release below, fired spans shaded.

The only module here that needs matplotlib. The picture is transparent and its colours have a contrast of at least 3 to 1 on white
and on near-black, so that it reads in light and in dark mode. It is the same, byte for byte, for the same series.
"""

import io
from math import nan
from typing import Any, Final

import matplotlib as mpl

mpl.use("svg")

from matplotlib import pyplot as plt

from generate.levels import Lines
from generate.series import Series, digest

__all__ = ["svg"]

_INK: Final = "#7a828c"
_PRICE: Final = "#3b82f6"
_VALUE: Final = "#8a63d2"
_FIRED: Final = "#e5484d"
_RELEASE: Final = "#c97a10"
_ACTIVE: Final = "#2f9e5b"

_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "flashcrash",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
}


def svg(series: Series, lines: Lines) -> bytes:
    """The picture. Its description holds the digest of the series that it shows."""
    with mpl.rc_context(_STYLE):
        figure, (upper, lower) = plt.subplots(2, 1, figsize=(8.0, 4.8), sharex=True, height_ratios=(1, 1.25), layout="constrained")
        _draw_price(upper, series)
        _draw_value(lower, series, lines)
        for axes in (upper, lower):
            for start, end in series.fired:
                axes.axvspan(start, end, color=_FIRED, alpha=0.16, linewidth=0)
            axes.axvline(0, color=_INK, linewidth=0.7, linestyle=(0, (2, 3)))
            axes.grid(axis="y", color=_INK, alpha=0.18, linewidth=0.6)
            axes.set_xlim(min(series.times_s[0], series.candles_from_s), series.times_s[-1])
        lower.set_xlabel(f"seconds after the start of {series.zero}")
        figure.suptitle(f"{series.name}: {series.title}", fontsize=10, color=_INK)
        _legend(figure, lower, series)
        out = io.BytesIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Description": digest(series)})
        plt.close(figure)
    return out.getvalue()


def _draw_price(axes: Any, series: Series) -> None:
    axes.set_ylabel("mid (quote)" if series.prices else "price (quote)")
    axes.ticklabel_format(axis="y", useOffset=False)
    if series.prices:
        axes.plot(series.times_s, _known(series.prices), color=_PRICE, linewidth=1.3)
    for k, (opened, high, low, closed, _) in enumerate(series.candles):
        middle = series.candles_from_s + k + 0.5
        colour = _FIRED if closed < opened else _ACTIVE
        axes.plot((middle, middle), (low, high), color=colour, linewidth=1.0)
        axes.bar(middle, abs(closed - opened) or 0.005, width=0.6, bottom=min(opened, closed), color=colour)
    top = axes.get_ylim()[1] + 0.10 * (axes.get_ylim()[1] - axes.get_ylim()[0])
    axes.set_ylim(axes.get_ylim()[0], top)
    for start, end in series.active:
        axes.plot((start, end), (top, top), color=_ACTIVE, linewidth=5, solid_capstyle="butt", label="detector ACTIVE")


def _draw_value(axes: Any, series: Series, lines: Lines) -> None:
    axes.set_ylabel(lines.value)
    if lines.scale == "symlog":
        axes.set_yscale("symlog", linthresh=lines.linear_to)
    elif lines.scale == "log":
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")
    # A value that only changes with a new bar is a staircase; a slope would say that it was known earlier.
    style = "steps-post" if lines.stairs else "default"
    axes.plot(series.times_s, _known(series.values), color=_VALUE, linewidth=1.2, drawstyle=style, label="judged value")
    if series.limits:
        axes.plot(series.times_s, _known(series.limits), color=_FIRED, linewidth=1.0, linestyle="--", label="fires at or below")
    if lines.trigger is not None:
        axes.axhline(lines.trigger.value, color=_FIRED, linewidth=1.0, linestyle="--", label=lines.trigger.label)
    if lines.release is not None:
        axes.axhline(lines.release.value, color=_RELEASE, linewidth=1.0, linestyle=":", label=lines.release.label)
    if lines.plain is not None:
        axes.axhline(lines.plain, color=_INK, linewidth=0.6, alpha=0.6)
    for start, end in series.climax:
        axes.axvspan(start, end, color=_RELEASE, alpha=0.25, linewidth=0, label="buying climax valid")


def _legend(figure: Any, lower: Any, series: Series) -> None:
    fired = [mpl.patches.Patch(color=_FIRED, alpha=0.25, label="fired")] if series.fired else []
    active = [mpl.lines.Line2D([], [], color=_ACTIVE, linewidth=5, label="detector ACTIVE")] if series.active else []
    handles, _ = lower.get_legend_handles_labels()
    figure.legend(handles=[*handles, *fired, *active], loc="outside lower center", ncols=5, fontsize=8, labelcolor=_INK)


def _known(values: tuple[float | None, ...]) -> list[float]:
    return [nan if value is None else value for value in values]
