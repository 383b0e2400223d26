"""A sound strategy: buys a strong bullish second, asks for a little more, and leaves by a stop or by time."""

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen, validators

from flashcrash_core.api import (
    Bar,
    BuildContext,
    Cancel,
    Enter,
    Exit,
    Intent,
    Moment,
    OrderState,
    OrderType,
    PluginInfo,
    Position,
    Refuse,
    Side,
    StrategySpec,
    hookimpl,
)

__all__ = ["Config", "SoundStrategy", "flashcrash_plugin", "flashcrash_strategies", "offer"]

flashcrash_plugin = PluginInfo(api=1, summary="Buys strong bullish seconds and does not keep them long")


@frozen
class Config:
    """Settings."""

    hold_s: float = field(default=15.0, validator=validators.gt(0))
    """A position is left this long after its first fill."""
    stop_pct: float = field(default=1.0, validator=validators.gt(0))
    """A position is left when the price has fallen this far below its entry."""


class SoundStrategy:
    """Each step is a method, so that a planted fault can change one."""

    def __init__(self, config: Any, context: BuildContext) -> None:
        self.config = config
        self.context = context
        self.bars = 0
        self.leaving: dict[int, str] = {}

    def on_bar(self, bar: Bar) -> None:
        """Count what was traded."""
        self.bars += 0 if bar.empty else 1

    def decide(self, moment: Moment) -> Sequence[Intent]:
        """Positions first, then an entry on a new bar."""
        intents: list[Intent] = []
        for position in moment.positions:
            intents += self.manage(moment, position)
        if self.tempted(moment):
            intents += self.enter(moment)
        return intents

    def tempted(self, moment: Moment) -> bool:
        """A new bar that closed half a percent above its open, after a minute of bars, with nothing else open."""
        bar = moment.bar
        if bar is None or not moment.bar_is_new or self.bars < 60 or moment.open_positions:
            return False
        return bar.close_ticks * 1_000 > bar.open_ticks * 1_005

    def enter(self, moment: Moment) -> list[Intent]:
        """A tenth of the equity at the price that is asked for, as far as the cash goes."""
        if moment.blocked:
            return [Refuse(moment.blocked)]
        price = self.entry_price(moment)
        lots = self.lots(moment, price)
        if lots <= 0:
            return [Refuse("size")]
        score = moment.score(price * 0.01, price * 0.01004, 1_000.0)
        if score.refusal or score.total < 50:
            return [Refuse(score.refusal or "score", score)]
        return [Enter(price, lots, OrderType.LIMIT, "bullish", score)]

    def entry_price(self, moment: Moment) -> int:
        """What a buy has to pay."""
        return moment.ask_ticks or moment.last_ticks

    def lots(self, moment: Moment, price: int) -> int:
        """Lots for the entry, 0 when they would be too few."""
        money = min(moment.equity_minor // 10, moment.cash_minor * 99 // 100)
        lots = money // moment.instrument.notional(price, 1) if price > 0 else 0
        return lots if moment.instrument.notional(price, lots) >= moment.instrument.min_notional_minor else 0

    def manage(self, moment: Moment, position: Position) -> list[Intent]:
        """Take back an entry that does not fill, keep a target resting, and leave."""
        orders = [order for order in moment.orders if order.submit.position_id == position.id]
        price = self.price(moment)
        if position.held_lots and price > 0:
            reason = self.leaving.get(position.id) or self.reason(moment, position, price)
            if reason:
                self.leaving[position.id] = reason
                return self.leave(moment, position, orders, price, reason)
            return self.target(position, orders)
        late = [o for o in orders if o.submit.side is Side.BUY and moment.now_us - o.submit.decided_us > 1_500_000]
        return [Cancel(o.submit.client_id, "ttl") for o in late if o.state not in (OrderState.CANCELLING, OrderState.UNKNOWN)]

    def price(self, moment: Moment) -> int:
        """What one could sell at."""
        return moment.exit_ticks

    def reason(self, moment: Moment, position: Position, price: int) -> str:
        """Why to leave, "" to stay."""
        if self.stopped(position, price):
            return "stop"
        return "time" if self.overdue(moment, position) else ""

    def stopped(self, position: Position, price: int) -> bool:
        """The price has fallen too far."""
        return price < position.entry_ticks * (1 - self.config.stop_pct / 100)

    def overdue(self, moment: Moment, position: Position) -> bool:
        """Held for too long."""
        return moment.now_us - position.opened_us >= self.config.hold_s * 1e6

    def leave(self, _moment: Moment, position: Position, orders: Sequence[Any], price: int, reason: str) -> list[Intent]:
        """Cancel what rests, and take the bid for what no open order may still sell."""
        resting = [o for o in orders if o.submit.type is not OrderType.LIMIT_IOC and o.state is not OrderState.UNKNOWN]
        if resting:
            return [Cancel(o.submit.client_id, reason) for o in resting if o.state is not OrderState.CANCELLING]
        free = self.free(position, orders)
        return [Exit(position.id, free, OrderType.LIMIT_IOC, max(1, price * 998 // 1_000), reason)] if free > 0 else []

    def free(self, position: Position, orders: Sequence[Any]) -> int:
        """Lots that no open order may still sell."""
        return position.held_lots - sum(o.remaining_lots for o in orders if o.submit.side is Side.SELL)

    def target(self, position: Position, orders: Sequence[Any]) -> list[Intent]:
        """Two percent more, resting."""
        free = 0 if any(o.submit.side is Side.BUY for o in orders) else self.free(position, orders)
        price = int(position.entry_ticks * 1.02) + 1
        return [Exit(position.id, free, OrderType.LIMIT_MAKER, price, "target")] if free > 0 else []

    def on_entered(self, position: Position, intent: Enter) -> None:
        """Nothing to remember."""

    def on_closed(self, position: Position, pnl_minor: int) -> None:
        """Forget it."""
        self.leaving.pop(position.id, None)

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered."""
        return {"bars": self.bars, "leaving": list(self.leaving.items())}

    def restore(self, data: dict[str, Any]) -> None:
        """Take it back."""
        self.bars = data["bars"]
        self.leaving = {int(position_id): reason for position_id, reason in data["leaving"]}


def offer(build: Any = SoundStrategy, **changes: Any) -> StrategySpec:
    """The descriptor with changes; ``build`` is a class or function that takes configuration and context."""
    settings = {"name": "planted", "summary": "A strategy for tests of the checks", "config": Config, "build": build}
    return StrategySpec(**(settings | {"bar_memory": lambda _config: 60} | changes))


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    """The sound one."""
    return [offer()]
