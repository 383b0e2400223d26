"""Warm-up, and the data that an indicator says it needs: what is declared is what happens."""

from math import isnan, nan
from typing import Any

from flashcrash_core.market.features import FeatureRow
from flashcrash_core.specs import IndicatorSpec
from flashcrash_core.testing.battery import CheckFailure, check
from flashcrash_core.testing.checks.indicator.values import judged_values
from flashcrash_core.testing.subject import Subject
from flashcrash_core.testing.tapes import tape

__all__ = ["declared_needs", "not_ready_before_warmup", "ready_after_warmup", "unusable_book_is_missing"]

EARLY_SHARE, EARLY_S = 0.1, 5.0
"""How much earlier than declared a first reading may come: the definitions count bars and blocks, not seconds."""
GONE_ROWS = 100
"""A reading that needs the book must be missing 10 s after the book was lost."""


def declared_warmup_s(subject: Subject[IndicatorSpec]) -> float:
    """The indicator's own warm-up, or that of the baseline it is judged against if this takes longer."""
    source = subject.spec.baseline_from
    own = subject.spec.warmup_s
    return own if source is None else max(own, subject.registry.indicators[source].warmup_s)


def _first_reading_s(subject: Subject[IndicatorSpec], *, has_book: bool = True) -> float | None:
    values = judged_values(subject, tape("calm", has_book=has_book).rows(), has_book=has_book)
    return next(((index + 1) / 10 for index, value in enumerate(values) if not isnan(value)), None)


@check("indicator")
def not_ready_before_warmup(subject: Subject[IndicatorSpec]) -> None:
    """Until the declared warm-up is nearly over there is no reading, rather than one from too few samples."""
    wanted_s = declared_warmup_s(subject)
    earliest_s = wanted_s - max(EARLY_S, wanted_s * EARLY_SHARE)
    found_s = _first_reading_s(subject)
    if found_s is not None and found_s < earliest_s:
        raise CheckFailure(
            f"{subject.label}: first reading after {found_s} s, but warmup_s is {wanted_s:g}; give NaN until there are enough "
            "samples, or declare the shorter warm-up"
        )


def _fits_the_calm(subject: Subject[IndicatorSpec]) -> str:
    facts = tape("calm").facts
    calm_s = (facts.calm_until_us - facts.start_us) / 1e6
    wanted_s = declared_warmup_s(subject)
    return "" if wanted_s < calm_s else f"warmup_s {wanted_s:g} is longer than the {calm_s:g} s of the tape"


@check("indicator", _fits_the_calm)
def ready_after_warmup(subject: Subject[IndicatorSpec]) -> None:
    """In a calm market it becomes ready, and it is ready by the end of the tape."""
    values = judged_values(subject, tape("calm").rows())
    if isnan(values[-1]):
        raise CheckFailure(
            f"{subject.label}: no reading at the end of {len(values) / 10:g} s of calm trading; warmup_s "
            f"{declared_warmup_s(subject):g} promises one"
        )


@check("indicator", _fits_the_calm)
def declared_needs(subject: Subject[IndicatorSpec]) -> None:
    """Without the data that it does not declare to need it is ready all the same."""
    needs = subject.spec.needs
    if _first_reading_s(subject) is None:
        return  # never ready at all: another check says so
    if "book" not in needs and _first_reading_s(subject, has_book=False) is None:
        raise CheckFailure(
            f'{subject.label}: never ready on a tape without a book, but needs is {sorted(needs)}; add "book", or do without'
        )
    if "trades" not in needs:
        values = judged_values(subject, [_without_trades(row) for row in tape("calm").rows()])
        if isnan(values[-1]):
            raise CheckFailure(f'{subject.label}: not ready without trades, but needs is {sorted(needs)}; add "trades"')


def _needs_the_book(subject: Subject[IndicatorSpec]) -> str:
    return "" if "book" in subject.spec.needs else "does not need the book"


@check("indicator", _needs_the_book)
def unusable_book_is_missing(subject: Subject[IndicatorSpec]) -> None:
    """While the book is one-sided, crossed, locked, stale or empty there is no reading: nothing is made up, nothing kept."""
    rows = tape("calm").rows()
    cut = len(rows) - GONE_ROWS
    for what, fields in _UNUSABLE.items():
        values = judged_values(subject, [*rows[:cut], *(row._replace(**_NO_BOOK | fields) for row in rows[cut:])])
        if not isnan(values[-1]):
            raise CheckFailure(
                f"{subject.label}: {GONE_ROWS / 10:g} s after the book became {what} it still reads {values[-1]}; check "
                "row.book_usable and the NaN of what you use"
            )


_NO_BOOK: dict[str, Any] = {"book_usable": 0, "bid": nan, "ask": nan, "spread_tw": nan, "covered_us": 0, "spread_end": nan}
_UNUSABLE: dict[str, dict[str, Any]] = {
    "one-sided": {"band_bid_qty": 0.0, "top_bid_qty": 0.0, "top_bid_notional": 0.0, "exit_notional": 0.0},
    "crossed or stale": {},
    "empty": {
        "band_bid_qty": 0.0, "band_ask_qty": 0.0, "top_bid_qty": 0.0, "top_ask_qty": 0.0, "top_bid_notional": 0.0,
        "top_ask_notional": 0.0, "exit_notional": 0.0, "bid_wall": 0.0, "ask_wall": 0.0, "updates": 0, "quotes": 0,
    },
}  # fmt: skip


def _without_trades(row: FeatureRow) -> FeatureRow:
    return row._replace(
        last_trade=nan, buy_notional=0.0, sell_notional=0.0, trades=0, bar_open=nan, bar_high=nan, bar_low=nan, bar_close=nan,
        bar_notional=nan, bar_trades=0, bar_empty=1,
    )  # fmt: skip
