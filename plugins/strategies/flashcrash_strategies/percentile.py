"""The ``percentile`` strategy: buy the low part of a bullish second in a crash, sell the high part (reference/microstructure.md 5).

Each call looks at the positions first and at an entry last. Which exit fires is in ``exits``, what happens to a position in
``holding``, which gate forbids an entry in ``entry`` and ``gates``; this module holds the state and the plugin.

Expect few entries and, on real crashes, often none: that is the honest result of these rules, not a defect (section 5.2).
"""

from collections.abc import Sequence
from typing import Any

from flashcrash_core.api import (
    BAR_US,
    Bar,
    BuildContext,
    Enter,
    Intent,
    Moment,
    PluginInfo,
    Position,
    Strategy,
    StrategySpec,
    hookimpl,
)
from flashcrash_strategies.config import LevelsMode, PercentileConfig
from flashcrash_strategies.entry import Past, consider
from flashcrash_strategies.exits import Note, bearish_or_gapped
from flashcrash_strategies.gates import BarMemory
from flashcrash_strategies.holding import BarSigns, manage
from flashcrash_strategies.levels import Swing, break_even_ticks
from flashcrash_strategies.trade_window import TradeWindow

__all__ = ["PercentileStrategy", "flashcrash_plugin", "flashcrash_strategies"]

flashcrash_plugin = PluginInfo(api=1, summary="Buys the low part of a bullish second in a crash and sells the high part")


class PercentileStrategy:
    """One per symbol. All state is plain data, see :meth:`snapshot`."""

    def __init__(self, config: PercentileConfig) -> None:
        self._config = config
        self._memory = BarMemory(config)
        self._swing = Swing(config.extremum_window_s)
        self._trades = TradeWindow(round(config.empirical_window_s * 1e6))
        self._takes_trades = config.levels is LevelsMode.EMPIRICAL
        self._notes: dict[int, Note] = {}
        self._cooldown_until_us = 0
        self._previous_close_ticks = 0
        self._signs = BarSigns(bad_bar_end_us=0, mean_range=float("nan"))

    def on_bar(self, bar: Bar) -> None:
        """Remember the bar's volume and range and whether it is a reason to leave (rule 3)."""
        config = self._config
        self._memory.on_bar(bar)
        self._swing.on_bar(bar)
        bad = bearish_or_gapped(bar, self._previous_close_ticks, config.gap_pct, config.bearish_body_pct)
        self._previous_close_ticks = bar.close_ticks
        self._signs = BarSigns(
            bad_bar_end_us=bar.start_us + BAR_US if bad else self._signs.bad_bar_end_us,
            mean_range=self._memory.mean_range(config.trailing_atr_bars),
        )

    def decide(self, moment: Moment) -> Sequence[Intent]:
        """Exits and targets of every position, then, on a new bullish bar, an entry or the reason against it."""
        if self._takes_trades and moment.trade is not None:
            self._trades.add(moment.now_us, *moment.trade)
        if not moment.positions and not moment.bar_is_new:
            return ()
        intents: list[Intent] = []
        for position in moment.positions:
            note = self._notes.get(position.id)
            if note is None:
                note = self._notes[position.id] = self._adopt(position, moment)
            self._note_fill(position, note)
            intents += manage(position, note, moment, self._signs, self._config)
        bar = moment.bar
        if moment.bar_is_new and bar is not None and bar.bullish:
            self._trades.forget(moment.now_us)
            past = Past(self._memory, self._swing, self._trades, self._cooldown_until_us)
            intents.append(consider(bar, past, moment, self._config))
        return intents

    def on_entered(self, position: Position, intent: Enter) -> None:
        """Keep what the exits need to know about the entry."""
        self._notes[position.id] = Note(**intent.notes)

    def on_closed(self, position: Position, pnl_minor: int) -> None:
        """Forget the position; a loss starts the longer cooldown."""
        note = self._notes.pop(position.id, None)
        if note is not None:
            self._note_fill(position, note)
        if position.bought_lots and pnl_minor < 0:
            until_us = position.closed_us + int(self._config.cooldown_loss_s * 1e6)
            self._cooldown_until_us = max(self._cooldown_until_us, until_us)

    def _note_fill(self, position: Position, note: Note) -> None:
        # "An entry decision that led to a fill": the cooldown counts from the decision but begins to bind with the fill.
        if position.bought_lots and not note.filled:
            note.filled = True
            until_us = note.decided_us + int(self._config.cooldown_fill_s * 1e6)
            self._cooldown_until_us = max(self._cooldown_until_us, until_us)

    def _adopt(self, position: Position, moment: Moment) -> Note:
        """A note for a position that came back after it closed (a late fill): get out at break-even or by a rule."""
        target = break_even_ticks(position.entry_ticks, moment.fees.taker_bps, moment.fees.maker_bps)
        return Note(position.opened_us, 0, 0, self._config.exit_fraction, target, taker_entry=True)

    def snapshot(self) -> dict[str, Any]:
        """State as plain, msgpack-able data."""
        return {
            "memory": self._memory.snapshot(),
            "swing": self._swing.snapshot(),
            "trades": self._trades.snapshot(),
            "notes": [[position_id, note.snapshot()] for position_id, note in self._notes.items()],
            "plain": [self._cooldown_until_us, self._previous_close_ticks, self._signs.bad_bar_end_us],
        }

    def restore(self, data: dict[str, Any]) -> None:
        """Take back what :meth:`snapshot` gave."""
        self._memory.restore(data["memory"])
        self._swing.restore(data["swing"])
        self._trades.restore(data["trades"])
        self._notes = {position_id: Note(**note) for position_id, note in data["notes"]}
        self._cooldown_until_us, self._previous_close_ticks, bad_bar_end_us = data["plain"]
        self._signs = BarSigns(bad_bar_end_us, self._memory.mean_range(self._config.trailing_atr_bars))


def _build(config: PercentileConfig, _context: BuildContext) -> Strategy:
    return PercentileStrategy(config)


def _bar_memory(config: PercentileConfig) -> int | None:
    """A swing and a reset range reach back as far as they happen to; otherwise the longest of what is kept decides."""
    if config.levels is LevelsMode.ROLLING_RANGE or config.range_reset:
        return None
    return max(config.range_samples, config.volume_bars + 1, config.trailing_atr_bars) + 1


@hookimpl
def flashcrash_strategies() -> list[StrategySpec]:
    """The ``percentile`` strategy."""
    summary = flashcrash_plugin.summary
    return [
        StrategySpec(name="percentile", summary=summary, config=PercentileConfig, build=_build, bar_memory=_bar_memory),
    ]
