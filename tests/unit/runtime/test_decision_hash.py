"""The decision hash: equal decisions, equal hash; any other decision, another hash; names of runs and orders do not count."""

import msgspec
import pytest

from flashcrash_core.detection.detector import Transition
from flashcrash_core.detection.scoring import Score
from flashcrash_core.detection.settings import State
from flashcrash_core.market.events import Side
from flashcrash_core.runtime.decision_hash import DecisionHash
from flashcrash_core.trading.orders import CancelOrder, OrderType, SubmitOrder

ORDER = SubmitOrder("a1", "TESTUSDT", Side.BUY, OrderType.LIMIT, 100, 7, False, 1, "dip", 5, True)
CANCEL = CancelOrder("a1", "TESTUSDT", "stale", 5, True)
MOVE = Transition("TESTUSDT", 5, State.SLEEP, State.ALERT, "agreement", {"C": 2})


def hashed(*, order=ORDER, cancel=CANCEL, move=MOVE, refused="", score=None, halt=(9, "operator")):
    """The hash over one decision of every kind."""
    h = DecisionHash()
    h.transition(move)
    h.considered(5, "TESTUSDT", refused, score or Score(61.234, {}))
    h.submit(order)
    h.cancel(cancel)
    h.halt(*halt)
    assert h.count == 5
    return h.hex


@pytest.mark.parametrize(
    "change",
    [
        {"order": msgspec.structs.replace(ORDER, price_ticks=101)},
        {"order": msgspec.structs.replace(ORDER, qty_lots=8)},
        {"order": msgspec.structs.replace(ORDER, side=Side.SELL)},
        {"order": msgspec.structs.replace(ORDER, type=OrderType.LIMIT_IOC)},
        {"order": msgspec.structs.replace(ORDER, decided_us=6)},
        {"order": msgspec.structs.replace(ORDER, reason="x")},
        {"order": msgspec.structs.replace(ORDER, stop_ticks=90)},
        {"cancel": msgspec.structs.replace(CANCEL, reason="x")},
        {"move": Transition("TESTUSDT", 5, State.SLEEP, State.ALERT, "velocity_and_fall", {})},
        {"move": Transition("TESTUSDT", 6, State.SLEEP, State.ALERT, "agreement", {})},
        {"refused": "cash"},
        {"score": Score(61.245, {})},
        {"halt": (9, "max_drawdown")},
    ],
)
def test_every_part_of_a_decision_counts(change):
    """Another price, time, reason, refusal or score is another hash."""
    assert hashed(**change) != hashed()


@pytest.mark.parametrize(
    "change",
    [
        {"order": msgspec.structs.replace(ORDER, client_id="zz", position_id=9)},
        {"cancel": msgspec.structs.replace(CANCEL, client_id="zz")},
        {"move": Transition("TESTUSDT", 5, State.SLEEP, State.ALERT, "agreement", {"C": 3})},
        {"score": Score(61.2341, {"x": 1.0})},
    ],
)
def test_names_and_evidence_do_not_count(change):
    """Ids, evidence and what lies below a hundredth of a point leave the hash alone."""
    assert hashed(**change) == hashed()


def test_order_counts():
    """The hash is a chain."""
    one, two = DecisionHash(), DecisionHash()
    one.halt(1, "a")
    one.halt(2, "b")
    two.halt(2, "b")
    two.halt(1, "a")
    assert one.hex != two.hex


def test_it_is_the_same_in_every_process():
    """A value worked out once: no seed of the process is in it."""
    h = DecisionHash()
    assert h.hex == "0" * 32
    h.halt(1, "operator")
    assert h.hex == "a6f4af12704efeb875e5e547b16d0de4"


def test_a_missing_score_is_a_dash():
    """No score and a NaN score are the same consideration."""
    one, two = DecisionHash(), DecisionHash()
    one.considered(1, "X", "cash", None)
    two.considered(1, "X", "cash", Score(float("nan"), {}))
    assert one.hex == two.hex
