"""Orders of every type against the played market: fills, expiries, what is locked, paid and charged."""

import pytest
from exchange_bench import SYMBOL, Bench, delta, trade
from trading_bench import TradingBench

from flashcrash_binance.exchange.trading.amounts import ATOM
from flashcrash_core.api import InvariantError, MarketKind


def test_a_market_buy_walks_the_book_and_pays_its_fee_in_base() -> None:
    """Levels are taken best first, each at its own price; 0.1 % of what was bought is kept back."""
    bench = TradingBench()
    told = bench.place("BUY", "MARKET", quantity="0.15", newClientOrderId="m1")
    assert (told["status"], told["executedQty"], told["cummulativeQuoteQty"]) == ("FILLED", "0.15000000", "15.02000000")
    assert [(one["price"], one["qty"]) for one in told["fills"]] == [("100.10000000", "0.10000000"), ("100.20000000", "0.05000000")]
    assert {one["commissionAsset"] for one in told["fills"]} == {"SIM"}
    assert bench.balance("SIM") == (10_14_985_000, 0)
    assert bench.balance("USDT") == (9_984_98_000_000, 0)


def test_a_sell_pays_its_fee_in_quote() -> None:
    """0.1 % of what was received is kept back."""
    bench = TradingBench()
    told = bench.place("SELL", "MARKET", quantity="0.1")
    assert [(one["commission"], one["commissionAsset"]) for one in told["fills"]] == [("0.00999000", "USDT")]
    assert bench.balance("USDT") == (10_009_98_001_000, 0)


def test_what_was_taken_is_gone_until_the_level_shows_another_quantity() -> None:
    """The same liquidity is not sold twice; the source's next word on that price brings it back."""
    bench = TradingBench(delta(2, 11, 11, [], [(10_010, 600)]))
    for expected in ("100.10000000", "100.20000000"):
        assert bench.place("BUY", "MARKET", quantity="0.1")["fills"][0]["price"] == expected
    bench.play(2)
    assert bench.place("BUY", "MARKET", quantity="0.06")["fills"][0]["price"] == "100.10000000"


def test_a_market_order_by_quote_is_filled_to_the_lot() -> None:
    """As many lots as the amount buys; the rest of the amount stays."""
    bench = TradingBench()
    told = bench.place("BUY", "MARKET", quoteOrderQty="10.5")
    assert (told["origQuoteOrderQty"], told["executedQty"], told["cummulativeQuoteQty"]) == (
        "10.50000000",
        "0.10480000",
        "10.49096000",
    )
    assert told["status"] == "FILLED"


@pytest.mark.parametrize(
    ("force", "status", "executed", "reason"),
    [
        ("GTC", "PARTIALLY_FILLED", "0.10000000", None),
        ("IOC", "EXPIRED", "0.10000000", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("FOK", "EXPIRED", "0.00000000", "UNFILLED_FOK_ORDER_EXPIRED"),
    ],
)
def test_what_a_limit_order_does_with_its_rest(force: str, status: str, executed: str, reason: str | None) -> None:
    """GTC rests, IOC expires what is left, FOK does not begin; balances are freed accordingly."""
    bench = TradingBench()
    told = bench.place("BUY", "LIMIT", quantity="0.3", price="100.10", timeInForce=force)
    assert (told["status"], told["executedQty"], told.get("expiryReason")) == (status, executed, reason)
    assert bench.balance("USDT")[1] == (20_02_000_000 if force == "GTC" else 0)


def test_a_market_order_beyond_the_book_expires() -> None:
    """What nobody offers is not bought."""
    told = TradingBench().place("SELL", "MARKET", quantity="1")
    assert (told["status"], told["executedQty"], told["expiryReason"]) == ("EXPIRED", "0.60000000", "INSUFFICIENT_LIQUIDITY")


def test_a_resting_order_waits_for_the_queue_and_is_filled_by_trades() -> None:
    """The shown 0.1 at its price goes first; then partial fills at its own price, as maker."""
    bench = TradingBench(trade(2, 2, 9_990, 600), trade(3, 3, 9_990, 600), trade(4, 4, 9_970, 1))
    user = bench.listener()
    bench.place("BUY", "LIMIT", quantity="0.06", price="99.90", newClientOrderId="r")
    bench.play(1.5)
    assert bench.query("r")["status"] == "NEW"
    bench.play(1)
    assert (bench.query("r")["status"], bench.query("r")["executedQty"]) == ("PARTIALLY_FILLED", "0.02000000")
    bench.play(1)
    assert bench.query("r")["status"] == "FILLED"
    assert bench.reports(user) == [("r", "NEW", "NEW"), ("r", "TRADE", "PARTIALLY_FILLED"), ("r", "TRADE", "FILLED")]
    assert all(one["m"] and one["L"] == "99.90000000" for one in bench.events(user, "executionReport") if one["x"] == "TRADE")


def test_a_book_that_crosses_a_resting_order_fills_it_at_its_price() -> None:
    """Asks that come down to a bid hit it, for as much as they are."""
    bench = TradingBench(delta(2, 11, 11, [(9_990, 0), (9_980, 0)], [(9_970, 300)]))
    bench.place("BUY", "LIMIT", quantity="0.06", price="99.90", newClientOrderId="r")
    bench.play(2)
    found = bench.query("r")
    assert (found["executedQty"], found["cummulativeQuoteQty"]) == ("0.03000000", "2.99700000")


def test_post_only_never_takes() -> None:
    """A LIMIT_MAKER that would take is refused, one that rests is not."""
    bench = TradingBench()
    refused = bench.refused("BUY", "LIMIT_MAKER", quantity="0.1", price="100.10")
    assert refused == (400, -2010, "Order would immediately match and take.")
    assert set(bench.place("BUY", "LIMIT_MAKER", quantity="0.1", price="100.00")) == {
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime",
    }  # fmt: skip
    assert bench.refused("SELL", "LIMIT_MAKER", quantity="0.1", price="100.00")[1] == -2010


@pytest.mark.parametrize(
    ("side", "kind", "stop", "price"),
    [
        ("SELL", "STOP_LOSS", "99.00", 9_890),
        ("BUY", "STOP_LOSS", "101.00", 10_110),
        ("SELL", "TAKE_PROFIT", "101.00", 10_110),
        ("BUY", "TAKE_PROFIT", "99.00", 9_890),
    ],
)
def test_a_stop_is_triggered_by_a_trade_at_its_price(side: str, kind: str, stop: str, price: int) -> None:
    """It waits off the book, is triggered on its own side only, and then takes."""
    bench = TradingBench(trade(2, 2, 10_001, 1), trade(3, 3, price, 1))
    user = bench.listener()
    bench.place(side, kind, quantity="0.1", stopPrice=stop, newClientOrderId="s")
    bench.play(1.5)
    assert (bench.query("s")["status"], bench.query("s")["isWorking"]) == ("NEW", False)
    bench.play(1)
    assert (bench.query("s")["status"], bench.query("s")["isWorking"]) == ("FILLED", True)
    assert [one[1] for one in bench.reports(user)] == ["NEW", "NEW", "TRADE"]


def test_a_stop_on_the_wrong_side_is_refused() -> None:
    """A stop that the last price has already met would trigger immediately."""
    refused = TradingBench().refused("SELL", "STOP_LOSS", quantity="0.1", stopPrice="100.50")
    assert refused == (400, -2010, "Order would trigger immediately.")


def test_a_stop_limit_rests_at_its_limit_once_triggered() -> None:
    """Below its trigger it is a limit order like any other."""
    bench = TradingBench(trade(2, 2, 9_900, 1))
    bench.place("SELL", "STOP_LOSS_LIMIT", quantity="0.1", stopPrice="99.00", price="100.05", newClientOrderId="s")
    bench.play(2)
    found = bench.query("s")
    assert (found["status"], found["isWorking"], found["executedQty"]) == ("NEW", True, "0.00000000")
    assert bench.balance("SIM") == (990_000_000, 10_000_000)


@pytest.mark.parametrize(
    ("mode", "maker", "taker"),
    [
        ("EXPIRE_MAKER", "EXPIRED_IN_MATCH", "FILLED"),
        ("EXPIRE_TAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
        ("DECREMENT", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
    ],
)
def test_orders_of_the_account_never_trade_with_each_other(mode: str, maker: str, taker: str) -> None:
    """The taker's mode decides which of the two expires; nothing is executed between them."""
    bench = TradingBench()
    bench.place("SELL", "LIMIT", quantity="0.06", price="100.05", newClientOrderId="mine")
    told = bench.place("BUY", "LIMIT", quantity="0.1", price="100.10", newClientOrderId="t", selfTradePreventionMode=mode)
    assert bench.query("mine")["status"] == maker
    assert told["status"] == taker
    assert {one["price"] for one in told["fills"]} <= {"100.10000000"}


def test_a_client_id_is_refused_while_its_order_is_open_and_accepted_after_the_fill() -> None:
    """So a blind retry executes twice: reference/binance.md section 6."""
    bench = TradingBench()
    bench.place("BUY", "LIMIT", quantity="0.1", price="99.00", newClientOrderId="same")
    assert bench.refused("BUY", "MARKET", quantity="0.1", newClientOrderId="same") == (400, -2010, "Duplicate order sent.")
    bench.good("DELETE", "order", symbol=SYMBOL, origClientOrderId="same")
    for _ in range(2):
        assert bench.place("BUY", "MARKET", quantity="0.1", newClientOrderId="same")["status"] == "FILLED"
    assert bench.balance("SIM")[0] == 10_19_980_000


def test_a_cancel_frees_what_was_locked_and_bears_its_own_name() -> None:
    """The order's id is in origClientOrderId and in C; a second cancel finds nothing."""
    bench = TradingBench()
    user = bench.listener()
    bench.place("BUY", "LIMIT", quantity="0.1", price="99.00", newClientOrderId="o")
    assert bench.balance("USDT") == (9_990_10_000_000, 9_90_000_000)
    told = bench.good("DELETE", "order", symbol=SYMBOL, origClientOrderId="o", newClientOrderId="c")
    assert (told["origClientOrderId"], told["clientOrderId"], told["status"]) == ("o", "c", "CANCELED")
    event = bench.events(user, "executionReport")[-1]
    assert (event["c"], event["C"], event["x"]) == ("c", "o", "CANCELED")
    assert bench.balance("USDT") == (10_000_00_000_000, 0)
    assert bench.bad("DELETE", "order", symbol=SYMBOL, origClientOrderId="o") == (400, -2011, "Unknown order sent.")


def test_an_order_beyond_the_balance_is_refused() -> None:
    """Whatever its type: nothing is overdrawn."""
    bench = TradingBench(balances={"USDT": 9 * 10**16, "SIM": 0})
    poor = (400, -2010, "Account has insufficient balance for requested action.")
    assert bench.refused("BUY", "LIMIT", quantity="0.1", price="99.00") == poor
    assert bench.refused("BUY", "MARKET", quantity="0.1") == poor
    assert bench.refused("SELL", "LIMIT", quantity="0.1", price="110.00") == poor


def test_commissions_are_paid_in_bnb_while_there_are_enough() -> None:
    """A quarter less, at the given price; what was bought arrives whole. Without enough BNB the fee is in base again."""
    rich = {"USDT": 1_000 * ATOM, "BNB": ATOM}
    bench = TradingBench(balances=rich, burn_bnb=True, bnb_price=500 * ATOM)
    (fill,) = bench.place("BUY", "MARKET", quantity="0.1")["fills"]
    assert (fill["commission"], fill["commissionAsset"]) == ("0.00001501", "BNB")  # 10.01 x 0.075 % / 500, cut off
    assert bench.balance("SIM") == (10_000_000, 0)
    poor = TradingBench(balances=rich | {"BNB": 1}, burn_bnb=True, bnb_price=500 * ATOM)
    assert poor.place("BUY", "MARKET", quantity="0.1")["fills"][0]["commissionAsset"] == "SIM"


def test_the_invariant_of_balances_notices_money_from_nowhere() -> None:
    """A balance that no trade explains is a defect of the exchange, and said so by its status."""
    bench = TradingBench()
    bench.place("BUY", "MARKET", quantity="0.1")
    assert bench.core.status()["trading"] == {"orders": 1, "open_orders": 0, "trades": 1, "listeners": 0}
    bench.trading.engine.account.free["USDT"] += 1
    with pytest.raises(InvariantError, match="USDT"):
        bench.core.status()


def test_futures_have_no_account() -> None:
    """Only spot trades."""
    bench = Bench(kind=MarketKind.USDM)
    assert bench.core.trading is None
    assert bench.ask("account").status == 404
