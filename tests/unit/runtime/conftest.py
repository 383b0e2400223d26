"""A session on a bench: trades set the price, the price sets what fires, and the test is strategy and venue.

Core indicators fire at 99 and below (three of five), two of them at 99.5 and below; the depth indicator fires at 90 and below; a
price above 150 leaves only two indicators available. One tick is 0.01, one lot 1.
"""

from collections.abc import Callable
from decimal import Decimal
from math import nan
from typing import Any

import pytest
from attrs import define, field

from flashcrash_core.detection.indicator import Role, StepIndicator
from flashcrash_core.detection.panel import PanelEntry
from flashcrash_core.detection.scoring import Score
from flashcrash_core.detection.settings import DetectorConfig
from flashcrash_core.market.events import FeedGap, Side, Trade
from flashcrash_core.market.features import GRID_US
from flashcrash_core.market.instruments import Instrument, to_money
from flashcrash_core.runtime.lane import LaneSetup
from flashcrash_core.runtime.session import Session, SessionSetup
from flashcrash_core.testing import EPOCH_US
from flashcrash_core.trading.ledger import fee_minor
from flashcrash_core.trading.orders import NoticeKind, VenueNotice
from flashcrash_core.trading.risk import RiskConfig
from flashcrash_core.trading.strategy import Fees

SYMBOL = "TESTUSDT"
INSTRUMENT = Instrument(SYMBOL, Decimal("0.01"), Decimal(1))
LEVELS = {"volatility": (99.5, 150.0), "b": (99.5, 150.0), "c": (99.0, 1e9), "d": (0.0, 1e9), "e": (0.0, 150.0)}
"""Name: fires at or below, missing above."""


def _step(state: Any, one: Any, params: Any) -> Any:
    return (one.price,), (1e-6,)


def _judge(statistic: Any, baseline: Any, levels: Any, was_fired: bool) -> tuple[float, bool]:
    fires, missing = levels
    return (nan, False) if not statistic[0] <= missing else (statistic[0], statistic[0] <= fires)


def entries() -> tuple[PanelEntry, ...]:
    """The bench's panel."""

    def make(name: str, role: Role, levels: tuple[float, float]) -> PanelEntry:
        program = StepIndicator(judge=_judge, levels=levels, step=_step, state=(), params=None)
        return PanelEntry(name, name, role, program, ("x",), ("b",))

    return (*(make(n, Role.CORE, v) for n, v in LEVELS.items()), make("depth", Role.DEPTH, (90.0, 1e9)))


class Scorer:
    """Always content."""

    def score(self, context: Any) -> Score:
        return Score(80.0, {})


@define
class Script:
    """A strategy that does what the test says, once per saying, and remembers what it was told."""

    do: Callable[[Any], list[Any]] = lambda moment: []
    bars: list[Any] = field(factory=list)
    moments: list[tuple[int, str, str]] = field(factory=list)
    closed: list[tuple[int, int]] = field(factory=list)

    def on_bar(self, bar: Any) -> None:
        self.bars.append(bar)

    def decide(self, moment: Any) -> list[Any]:
        self.moments.append((moment.now_us, str(moment.state), moment.blocked))
        return self.do(moment)

    def on_entered(self, position: Any, intent: Any) -> None:
        """Nothing to keep."""

    def on_closed(self, position: Any, pnl_minor: int) -> None:
        self.closed.append((position.id, pnl_minor))

    def snapshot(self) -> dict[str, Any]:
        return {}

    def restore(self, data: dict[str, Any]) -> None:
        """Nothing to take back."""


@define
class Bench:
    """Plays trades on the grid and the venue's words."""

    session: Session
    script: Script
    t_us: int = EPOCH_US
    records: list[Any] = field(factory=list)
    commands: list[Any] = field(factory=list)
    fills: int = 0

    @property
    def lane(self) -> Any:
        return self.session.lanes[SYMBOL]

    @property
    def state(self) -> str:
        return str(self.lane.detector.state)

    def event(self, event: Any) -> list[Any]:
        """One event; returns the commands it led to."""
        self.session.on_event(event)
        output = self.session.take()
        if output.commands:
            assert output.records, "a command without a record"
        self.records += output.records
        self.commands += output.commands
        return output.commands

    def trade(self, price: float, rows: int = 1, step_us: int = GRID_US) -> list[Any]:
        """A trade per row."""
        commands: list[Any] = []
        for _ in range(rows):
            self.t_us += step_us
            commands += self.event(Trade(SYMBOL, 0, self.t_us, self.t_us, 0, round(price * 100), 1, Side.SELL))
        return commands

    def gap(self) -> None:
        """The feed missed something now."""
        self.event(FeedGap(SYMBOL, 0, self.t_us, self.t_us, "test"))

    def say(self, client_id: str, kind: str, lots: int = 0, price: int = 9_900, fee: int | None = None) -> list[Any]:
        """The venue's word."""
        self.fills += 1
        right = fee_minor(INSTRUMENT.notional(price, lots), Decimal(10))
        return self.event(
            VenueNotice(
                SYMBOL,
                0,
                self.t_us,
                self.t_us,
                NoticeKind(kind),
                client_id,
                price,
                lots,
                right if fee is None else fee,
                True,
                self.fills,
            )
        )

    def once(self, *intents: Any) -> None:
        """The strategy's next answer."""
        left = [list(intents)]
        self.script.do = lambda moment: left.pop() if left else []

    def wake(self) -> "Bench":
        """To ACTIVE by a fall to 98.9."""
        self.trade(100.0, 20)
        self.trade(98.9, 40)
        assert self.state == "ACTIVE"
        return self

    def of(self, kind: type) -> list[Any]:
        """Records of one kind."""
        return [record for record in self.records if isinstance(record, kind)]


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """``bench(max_positions=1, detector={...}, max_silence_s=5)``: other names are limits of the risk gate."""

    def make(detector: dict[str, Any] | None = None, max_silence_s: float = 900.0, symbols: int = 1, **limits: Any) -> Bench:
        script = Script()
        config = DetectorConfig(**({"warmup_s": 0.0} | (detector or {})))
        fees = Fees("10", "10")
        names = [SYMBOL, *(f"OTHER{i}" for i in range(1, symbols))]
        lanes = tuple(
            LaneSetup(
                instrument=Instrument(name, Decimal("0.01"), Decimal(1)),
                has_book=False,
                source_is_mid=False,
                detector=config,
                entries=entries,
                strategy=lambda: script,
                scorer=Scorer(),
                fees=fees,
                max_silence_us=round(max_silence_s * 1e6),
            )
            for name in names
        )
        return Bench(Session(SessionSetup(lanes, RiskConfig(**limits), fees, to_money(10_000), "fc")), script)

    return make
