"""Whether to enter on a bullish bar: the gates of reference/microstructure.md section 5.2 in a fixed order, cheap ones first.

Every bullish bar that is not entered yields one :class:`Refuse` with the first gate that forbids it, so that a report can say what
stopped the strategy. The score is asked for last, because it is the only expensive question.
"""

from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from flashcrash_core.api import MONEY_SCALE, Bar, Enter, Moment, OrderType, Refuse
from flashcrash_strategies.config import EntryType, LevelsMode, PercentileConfig
from flashcrash_strategies.exits import climax_active
from flashcrash_strategies.gates import BarMemory, range_refusal, volume_refusal
from flashcrash_strategies.levels import Fractions, Swing, adaptive_fractions, edge, entry_ticks, exit_ticks
from flashcrash_strategies.sizing import entry_lots
from flashcrash_strategies.trade_window import TradeWindow

__all__ = ["Past", "Plan", "consider", "plan_entry"]


class Past(NamedTuple):
    """What the strategy remembers when it considers an entry."""

    memory: BarMemory
    swing: Swing
    trades: TradeWindow
    cooldown_until_us: int


class Plan(NamedTuple):
    """Prices of an entry in ticks. ``expected`` is what it should pay, ``worst`` what it may pay, ``order`` the order's price."""

    low_ticks: int
    high_ticks: int
    exit_fraction: float
    decay_fraction: float
    expected_ticks: int
    worst_ticks: int
    order_ticks: int
    target_ticks: int


def plan_entry(bar: Bar, past: Past, moment: Moment, config: PercentileConfig) -> Plan:
    """Entry and target prices for ``bar``."""
    fractions = Fractions(config.entry_fraction, config.exit_fraction)
    if config.adaptive_fractions:
        fractions = adaptive_fractions(moment.readings.get(config.volatility_from, float("nan")), fractions)
    exit_at, decay = fractions.exit, config.decay_fraction
    if config.levels is LevelsMode.EMPIRICAL:
        # The range is what lies between the two percentiles: the target is its top and decays by the same share of the way.
        price, target = past.trades.percentile(fractions.entry), past.trades.percentile(fractions.exit)
        low, high, exit_at, decay = price, target, 1.0, decay / (fractions.exit - fractions.entry)
    else:
        low, high = bar.low_ticks, bar.high_ticks
        if config.levels is LevelsMode.ROLLING_RANGE:
            low, high = past.swing.low_ticks, past.swing.high_ticks
        price, target = entry_ticks(low, high, fractions.entry), exit_ticks(low, high, fractions.exit)
    if config.order_type is EntryType.LIMIT:
        return Plan(low, high, exit_at, decay, price, price, price, target)
    ask = _ask_ticks(moment)
    worst = ask * (1 + Decimal(f"{config.collar_bp:.12g}") / 10_000)
    return Plan(low, high, exit_at, decay, ask, int(worst.to_integral_value(ROUND_CEILING)), 0, target)


def consider(bar: Bar, past: Past, moment: Moment, config: PercentileConfig) -> Enter | Refuse:
    """Enter on ``bar``, which closed above its open, or say what forbids it."""
    refusal = _bar_refusal(bar, past.memory, past.cooldown_until_us, moment, config)
    if refusal is not None:
        return refusal
    if config.levels is LevelsMode.EMPIRICAL and len(past.trades) < config.empirical_min_trades:
        known = f"{len(past.trades)} of {config.empirical_min_trades} trades"
        return Refuse("no_distribution", detail=f"{known} in the last {config.empirical_window_s:g} s")
    plan = plan_entry(bar, past, moment, config)
    limit = config.order_type is EntryType.LIMIT
    fees = moment.fees
    ask = _ask_ticks(moment)
    if ask <= 0 or plan.expected_ticks <= 0:
        return Refuse("no_quote", detail="no price to buy at")
    net = edge(plan.expected_ticks, plan.target_ticks, fees.maker_bps if limit else fees.taker_bps, fees.maker_bps)
    if net * 10_000 < Decimal(f"{config.min_edge_bp:.12g}"):
        return Refuse("edge", detail=f"{net * 10_000:.2f} bp after fees, {config.min_edge_bp:g} needed")
    if limit and plan.order_ticks >= ask:
        return Refuse("would_cross", detail=f"entry at {plan.order_ticks} ticks, best ask {ask}")
    instrument = moment.instrument
    lots = entry_lots(
        instrument,
        plan.worst_ticks,
        moment.equity_minor,
        moment.cash_minor,
        config.entry_equity_pct,
        max(fees.maker_bps, fees.taker_bps),
    )
    if not lots:
        return Refuse("size", detail=f"{config.entry_equity_pct:g} % of equity or the free cash buys no tradable quantity")
    score = moment.score(
        float(instrument.price(plan.expected_ticks)),
        float(instrument.price(plan.target_ticks)),
        instrument.notional(plan.expected_ticks, lots) / MONEY_SCALE,
    )
    if score.refusal:
        return Refuse(score.refusal, score)
    needed = config.score_threshold - score.relief
    if score.total < needed:
        return Refuse("score", score, f"{score.total:.2f} of {needed:g} needed")
    return Enter(
        price_ticks=plan.order_ticks,
        qty_lots=lots,
        type=OrderType.LIMIT_MAKER if limit else OrderType.MARKET,
        reason=str(config.levels),
        score=score,
        notes={
            "decided_us": moment.now_us,
            "low_ticks": plan.low_ticks,
            "high_ticks": plan.high_ticks,
            "exit_fraction": plan.exit_fraction,
            "decay_fraction": plan.decay_fraction,
            "target_ticks": plan.target_ticks,
            "taker_entry": not limit,
        },
    )


def _bar_refusal(bar: Bar, memory: BarMemory, cooldown_until_us: int, moment: Moment, config: PercentileConfig) -> Refuse | None:
    if moment.blocked:
        return Refuse(moment.blocked)
    if len(memory.ranges) < config.range_min_samples:
        return Refuse("not_warm_ranges", detail=f"{len(memory.ranges)} of {config.range_min_samples} ranges known")
    detail = volume_refusal(memory, moment.instrument, config)
    if detail:
        return Refuse("volume", detail=detail)
    reason, detail = range_refusal(memory, bar, config)
    if reason:
        return Refuse(reason, detail=detail)
    if climax_active(moment, config.pattern_from):
        return Refuse("climax")
    if moment.now_us < cooldown_until_us:
        return Refuse("cooldown", detail=f"{(cooldown_until_us - moment.now_us) / 1e6:.3f} s left")
    if moment.open_positions >= config.max_positions:
        return Refuse("max_positions", detail=f"{moment.open_positions} open")
    return None


def _ask_ticks(moment: Moment) -> int:
    """What a buy would have to pay: best ask, or the last trade when the run has no book."""
    return moment.ask_ticks if moment.has_book else moment.last_ticks
