"""Where an instrument's grid comes from, and exact conversion to ticks and lots."""

import random
from decimal import Decimal

import pytest

from flashcrash_core.api import BadNumber, ConfigError, DataError, Instrument, MarketKind
from flashcrash_core.config.instruments import SHIPPED_INSTRUMENTS, InstrumentBook


def test_shipped_grids() -> None:
    """The shipped symbols resolve without configuration, spot and futures apart."""
    book = InstrumentBook()
    assert str(book("btcusdt").tick_size) == "0.01"
    assert str(book("BTCUSDT", kind=MarketKind.USDM).tick_size) == "0.10"
    assert {one.symbol for one in SHIPPED_INSTRUMENTS} == {"BTCUSDT", "POLUSDT", "ATOMUSDT", "SIMUSDT"}
    assert book("BTCUSDT") is book("BTCUSDT")
    assert book.warnings == []


def test_configured_part_overrides_what_is_shipped() -> None:
    """A configured field replaces one field; a kind limits the override to that market."""
    book = InstrumentBook({"BTCUSDT": {"min_notional": "20"}, "POLUSDT": {"kind": "usdm", "tick_size": "0.001"}})
    assert (book("BTCUSDT").min_notional, str(book("BTCUSDT").tick_size)) == (20, "0.01")
    assert str(book("POLUSDT").tick_size) == "0.0001"


def test_configured_new_symbol_is_not_inferred() -> None:
    """Tick and lot in the configuration make a symbol known, without a warning."""
    book = InstrumentBook({"NEWBTC": {"tick_size": "0.00000001", "lot_size": "0.01"}})
    instrument = book("NEWBTC", sample=("0.5", "1"))
    assert (instrument.tick_size, instrument.quote_asset, instrument.inferred) == (Decimal("1e-8"), "BTC", False)
    assert book.warnings == []


def test_inference_warns_once() -> None:
    """An unknown symbol takes the decimal places of the sample, marked and warned about."""
    book = InstrumentBook()
    for _ in range(2):
        instrument = book("NEWUSDC", sample=("0.23610000", "47.80"))
    assert (str(instrument.tick_size), str(instrument.lot_size), instrument.inferred) == ("0.0001", "0.1", True)
    assert instrument.quote_asset == "USDC"
    assert len(book.warnings) == 1
    assert "[instruments.NEWUSDC]" in book.warnings[0]


def test_whole_numbers_infer_a_step_of_one() -> None:
    """A price of 1200 gives a tick of 1, not of 100."""
    instrument = InstrumentBook()("NEWTRY", sample=("1200", "500"))
    assert (instrument.tick_size, instrument.lot_size) == (1, 1)


@pytest.mark.parametrize("sample", [None, ("NaN", "1"), ("x", "1"), ("0.00000000001", "1")])
def test_unknown_symbols(sample: tuple[str, str] | None) -> None:
    """Without a usable sample an unknown symbol is an error that names the table to fill in."""
    with pytest.raises(DataError, match=r"\[instruments\.NOPEUSDT\]"):
        InstrumentBook()("NOPEUSDT", sample=sample)


def test_bad_overrides_are_reported() -> None:
    """Unknown keys are all named at once; a bad size is named with its symbol."""
    with pytest.raises(ConfigError) as caught:
        InstrumentBook({"BTCUSDT": {"tick": "1", "lot": "1"}})
    assert len(caught.value.problems) == 2
    with pytest.raises(ConfigError, match=r"instruments\.BTCUSDT"):
        InstrumentBook({"BTCUSDT": {"tick_size": "wide"}})("BTCUSDT")


@pytest.mark.parametrize("seed", range(3))
def test_fast_conversion_equals_decimal(seed: int) -> None:
    """The integer path gives what exact decimal division gives, or refuses the same texts."""
    rng = random.Random(seed)
    for _ in range(3000):
        step = Decimal(rng.choice(["0.01", "0.1", "0.5", "0.00001", "1", "0.0025"]))
        whole, fraction = (rng.randrange(10 ** rng.randrange(1, 9)) for _ in range(2))
        text = f"{whole}.{fraction}{'0' * rng.randrange(4)}"
        exact = Decimal(text) / step
        instrument = Instrument("XUSDT", step, Decimal("0.00001"))
        try:
            got: int | None = instrument.price_ticks(text)
        except BadNumber:
            got = None
        expected = int(exact) if exact == int(exact) and exact > 0 else None
        assert got == expected, f"seed {seed}: {text} in steps of {step}"
