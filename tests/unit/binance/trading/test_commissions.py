"""Commissions in base, quote and BNB: what is held, what it cost, and not a digit lost."""

import random
from decimal import Decimal

import pytest

from flashcrash_binance.trading.commissions import Charge, charged
from flashcrash_binance.trading.venue_records import VenueFill
from flashcrash_core.api import MONEY_SCALE, Instrument, Side

BTC = Instrument("BTCUSDT", Decimal("0.01"), Decimal("0.00001"))
SEEDS = range(20)


def fill(
    lots: int, commission: str | Decimal, asset: str, *, side: Side = Side.BUY, price_ticks: int = 2_000_000, trade_id: int = 1
) -> VenueFill:
    return VenueFill(
        client_id="fc-1", order_id=1, trade_id=trade_id, price_ticks=price_ticks, qty_lots=lots, commission=Decimal(commission),
        commission_asset=asset, maker=False, ts_us=1, symbol="BTCUSDT", side=side,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lots", "commission", "fee_lots", "dust"),
    [
        (847, "0.00000847", 1, "0.00000153"),  # 0.847 of a lot
        (1000, "0.00001000", 1, "0"),
        (1001, "0.00001001", 2, "0.00000999"),
        (1, "0.00000001", 1, "0.00000999"),
        (1000, "0", 0, "0"),
        (1_000_000, "0.01000000", 1000, "0"),
    ],
)
def test_a_buy_charged_in_the_base_asset(lots: int, commission: str, fee_lots: int, dust: str) -> None:
    """A begun lot cannot be sold: it is not held, and its remainder is dust."""
    charge = charged(fill(lots, commission, "BTC"), BTC, "BTC")
    assert (charge.fee_lots, charge.fee_minor, charge.dust) == (fee_lots, 0, Decimal(dust))


def test_dust_that_makes_a_lot_is_held() -> None:
    """Ten fills of 0.1 lots of commission cost one lot, not ten."""
    dust, given_up = Decimal(0), 0
    for number in range(10):
        charge = charged(fill(100, "0.00000100", "BTC", trade_id=number), BTC, "BTC", dust=dust)
        dust, given_up = charge.dust, given_up + charge.fee_lots
    assert (given_up, dust) == (1, Decimal(0))


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_or_made(seed: int) -> None:
    """After any fills, held lots plus dust are what was bought less what was charged, and the dust is less than a lot."""
    draw = random.Random(seed)
    dust, held, received = Decimal(0), 0, Decimal(0)
    for number in range(200):
        lots = draw.randrange(1, 5000)
        rate = draw.choice([Decimal("0.001"), Decimal("0.00075"), Decimal("0.0001"), Decimal(0)])
        commission = (BTC.quantity(lots) * rate).quantize(Decimal("1e-8"))
        charge = charged(fill(lots, commission, "BTC", trade_id=number), BTC, "BTC", dust=dust)
        held, dust = held + lots - charge.fee_lots, charge.dust
        received += BTC.quantity(lots) - commission
        assert BTC.quantity(held) + dust == received, f"seed {seed}"
        assert 0 <= dust < BTC.lot_size, f"seed {seed}"
        assert 0 <= charge.fee_lots <= lots, f"seed {seed}"


def test_a_sell_is_charged_in_quote() -> None:
    """Exactly, in minor units; dust is left as it is."""
    charge = charged(fill(847, "0.16940012", "USDT", side=Side.SELL), BTC, "BTC", dust=Decimal("0.000003"))
    assert charge == Charge(fee_minor=1_694_001_200, dust=Decimal("0.000003"))


def test_bnb_is_priced_where_its_price_is_known() -> None:
    """In minor units of quote rounded up; without a price it is counted apart, and never as free."""
    paid = fill(847, "0.00012345", "BNB")
    assert charged(paid, BTC, "BTC", asset_price=Decimal("612.34")).fee_minor == 755_933_730
    assert charged(paid, BTC, "BTC", asset_price=Decimal("0.000033333333333")).fee_minor == 42
    assert charged(paid, BTC, "BTC", dust=Decimal("0.000001")) == Charge(
        dust=Decimal("0.000001"), unpriced_asset="BNB", unpriced=Decimal("0.00012345")
    )


def test_a_pair_of_bnb_itself() -> None:
    """Buying BNB its commission is base; selling it, the commission comes from what the account has besides."""
    bnb = Instrument("BNBUSDT", Decimal("0.1"), Decimal("0.001"))
    bought = charged(fill(1000, "0.00075", "BNB", price_ticks=6000), bnb, "BNB")
    assert (bought.fee_lots, bought.fee_minor, bought.dust) == (1, 0, Decimal("0.00025"))
    sold = charged(fill(1000, "0.00075", "BNB", side=Side.SELL, price_ticks=6000), bnb, "BNB", dust=bought.dust)
    assert (sold.fee_lots, sold.fee_minor, sold.dust) == (0, int(Decimal("0.45") * MONEY_SCALE), Decimal("-0.0005"))


def test_a_debt_of_dust_is_paid_by_the_next_buy() -> None:
    """Base asset that was taken besides is missing from what the next buy brings."""
    charge = charged(fill(100, "0.00000100", "BTC"), BTC, "BTC", dust=Decimal("-0.00002"))
    assert (charge.fee_lots, charge.dust) == (3, Decimal("0.000009"))
    charge = charged(fill(1, "0.00000100", "BTC"), BTC, "BTC", dust=Decimal("-0.00002"))
    assert (charge.fee_lots, charge.dust) == (1, Decimal("-0.000011"))


def test_a_sliver_that_brought_no_lot_cannot_give_one_up() -> None:
    """A fill smaller than a lot leaves its commission as a debt of dust."""
    charge = charged(fill(0, "0.00000001", "BTC"), BTC, "BTC")
    assert (charge.fee_lots, charge.dust) == (0, Decimal("-0.00000001"))


def test_a_coarse_lot_is_whole() -> None:
    """A lot of 10 units: a commission of 8 units costs one lot and leaves 2."""
    coarse = Instrument("PEPEUSDT", Decimal("0.0000001"), Decimal("1E+1"))
    charge = charged(fill(800, "8.00", "PEPE", price_ticks=100), coarse, "PEPE")
    assert (charge.fee_lots, charge.dust) == (1, Decimal("2.00"))
