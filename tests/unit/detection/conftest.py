"""A detector on a bench: every row says how many core indicators are available and fired, and what the market did."""

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
from attrs import define, field

from flashcrash_core.detection.detector import Detector, Transition
from flashcrash_core.detection.indicator import Role, StepIndicator
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.detection.settings import DetectorConfig
from flashcrash_core.market.features import GRID_US
from flashcrash_core.testing import EPOCH_US, row

SYMBOL = "TESTUSDT"


def _judge(statistic: Any, baseline: Any, levels: Any, was_fired: bool) -> tuple[float, bool]:
    return statistic[1], statistic[1] >= 1.0


def _step(state: Any, one: Any, params: Any) -> Any:
    raise AssertionError("the bench hands pairs to the detector itself")


def _entry(name: str, role: Role) -> PanelEntry:
    program = StepIndicator(judge=_judge, levels=None, step=_step, state=(), params=None)
    return PanelEntry(name, name, role, program, ("sigma", "on"), ("sigma_baseline",))


ENTRIES = (
    *(_entry(name, Role.CORE) for name in ("volatility", "acceleration", "imbalance", "spread", "volume_delta")),
    _entry("velocity", Role.CONFIRMATION),
)


@define
class Bench:
    """Feeds rows; ``at`` is the number of the newest row, 0 for the first."""

    config: DetectorConfig
    detector: Detector = field(init=False)
    moves: list[tuple[int, str, str, str]] = field(factory=list)
    """``(row, source, target, reason)`` of every transition."""
    at: int = -1
    price: float = 100.0
    last: list[Transition] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.detector = Detector(SYMBOL, ENTRIES, self.config)

    @property
    def state(self) -> str:
        return str(self.detector.state)

    def row(
        self, count: int = 0, *, n: int = 5, velocity: bool = False, price: float | None = None, low: float | None = None,
        bad: int = 0, flat: bool = True, sigma: float = 1e-4, baseline: float = 1e-4,
    ) -> list[Transition]:  # fmt: skip
        """One row with ``count`` of ``n`` core indicators fired."""
        self.at += 1
        self.price = self.price if price is None else price
        lowest = self.price if low is None else low
        one = row(EPOCH_US + self.at * GRID_US, price=self.price, low=lowest, unhealthy=bad)
        flags = [nan if i >= n else float(i < count) for i in range(5)] + [float(velocity)]
        self.last = self.detector.on_row(one, [((sigma, flag), (baseline,)) for flag in flags], flat=flat)
        self.moves += [(self.at, str(t.source), str(t.target), t.reason) for t in self.last]
        return self.last

    def rows(self, number: int, count: int = 0, **fields: Any) -> "Bench":
        """``number`` equal rows."""
        for _ in range(number):
            self.row(count, **fields)
        return self

    def until(self, state: str, count: int, limit: int = 20_000, **fields: Any) -> int:
        """Equal rows until ``state`` is reached; how many it took."""
        for taken in range(1, limit + 1):
            self.row(count, **fields)
            if self.state == state:
                return taken
        raise AssertionError(f"{state} not reached in {limit} rows; moves {self.moves}")


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """``bench(hold_s=0, ...)``: warm from the first row and without a direction gate unless said otherwise."""

    def make(**settings: Any) -> Bench:
        return Bench(DetectorConfig(**({"warmup_s": 0.0, "direction_gate": False} | settings)))

    return make
