"""hftbacktest over the synthetic day: eight indicators on a 100 ms grid, a detector and the simple rule, all compiled by numba.

    python hft_peer.py DAY.hft.npz SMALL.hft.npz

Runs in hftbacktest's own environment. Compiling happens on the small file and is told apart; ``seconds`` is the replay of events
that are in memory, ``load_s`` what the same replay takes longer when hftbacktest reads the file. The indicators are those of
flashcrash where O(1) a row allows it, and cheaper where it does not: the volume delta is judged by running mean and deviation, not
by median and MAD; message velocity counts trades, since hftbacktest keeps no count of book messages; spread is weighed by rows, not
by microseconds. So this side does somewhat less work than flashcrash. The book is a vector over a price range, not a hash map.
"""

# mypy: ignore-errors

import math
import sys

import numpy as np
from hftbacktest import BUY_EVENT, BacktestAsset, ROIVectorMarketDepthBacktest, __version__
from measuring import Stopwatch, hand_in
from numba import njit
from simple_rule import CHANGES, DIGEST, ROWS, STATE_SIZE, WINDOW_ROWS, rule_step

TICK, LOT = 0.01, 0.001
LOW_PRICE, HIGH_PRICE = 75.0, 300.0
GRID_NS = 100_000_000
TOP, REACH, BAND = 20, 60, 0.001  # levels, ticks looked at, share of the mid

step_rule = njit(rule_step)


@njit
def replay(hbt):
    """Walk the grid: rows, state changes and digest of the simple rule, alarms, and a sum over all readings: none is dead code."""
    mids, numbers = np.zeros(WINDOW_ROWS, np.int64), np.zeros(WINDOW_ROWS, np.int64)
    at = np.zeros(STATE_SIZE, np.int64)
    squares, sq_at, sum_w, sum_b = np.zeros(320), 0, 0.0, 0.0  # 1-s returns squared: window 10, guard 10, baseline 300
    blocks, block_sorted, block_n, block_sum = np.zeros(360), np.full(360, np.inf), 0, 0.0  # an hour of 10-s blocks
    imbalances = np.zeros(5)
    spreads, spread_hist, spread_sum = np.zeros(3100, np.int64), np.zeros(128, np.int64), 0  # row-end spreads in ticks
    deltas, delta_w = np.zeros(20), 0.0
    gross, gross_w = np.zeros(20), 0.0
    population, pop_sum, pop_sq = np.zeros(300), 0.0, 0.0  # 2-s signed volumes
    counts, count_w = np.zeros(10, np.int64), 0
    seconds, sec_sum = np.zeros(300, np.int64), 0  # trades a second
    depths, depth_sum = np.zeros(600), 0.0
    bars = np.zeros((5, 5))  # open, high, low, close, volume
    o, h, lo, c, volume, second_trades = 0.0, 0.0, 0.0, 0.0, 0.0, 0
    close_1, ret_1, close_2 = 0.0, 0.0, 0.0
    ratio, acceleration, pattern = 0.0, 0.0, 0
    row, held, alarms, check = 0, 0, 0, 0.0

    hbt.elapse(0)  # the clock starts at the first event
    first = hbt.current_timestamp
    boundary = first - first % GRID_NS + GRID_NS
    while hbt.elapse(boundary - 1 - hbt.current_timestamp) == 0:  # a row holds what came before its boundary
        boundary += GRID_NS
        depth = hbt.depth(0)
        bid_tick, ask_tick = depth.best_bid_tick, depth.best_ask_tick
        mid = (bid_tick + ask_tick) * 0.5 * TICK
        down = step_rule(mids, numbers, at, bid_tick + ask_tick)

        # trades of the row
        delta, gross_row, trades = 0.0, 0.0, 0
        for trade in hbt.last_trades(0):
            notional = trade.px * trade.qty
            gross_row += notional
            delta += notional if trade.ev & BUY_EVENT == BUY_EVENT else -notional
            trades += 1
            if second_trades == 0:
                o = h = lo = trade.px
            second_trades += 1
            h = max(h, trade.px)
            lo = min(lo, trade.px)
            c = trade.px
        hbt.clear_last_trades(0)
        volume += gross_row

        # I3 imbalance within 10 bp, I8 depth of the best 20 levels
        bids, asks, base = depth.bid_depth, depth.ask_depth, depth.roi_lb_tick
        low_band, high_band = math.ceil(mid * (1 - BAND) / TICK - 1e-9), math.floor(mid * (1 + BAND) / TICK + 1e-9)
        bid_qty, bid_notional, seen = 0.0, 0.0, 0
        for tick in range(bid_tick, bid_tick - REACH, -1):
            qty = bids[tick - base]
            if qty > 0:
                seen += 1
                bid_notional += tick * TICK * qty
                if tick >= low_band:
                    bid_qty += qty
                if seen == TOP:
                    break
        ask_qty, ask_notional, seen = 0.0, 0.0, 0
        for tick in range(ask_tick, ask_tick + REACH):
            qty = asks[tick - base]
            if qty > 0:
                seen += 1
                ask_notional += tick * TICK * qty
                if tick <= high_band:
                    ask_qty += qty
                if seen == TOP:
                    break
        imbalances[row % 5] = (bid_qty - ask_qty) / (bid_qty + ask_qty)
        imbalance = np.median(imbalances)
        total = bid_notional + ask_notional
        depth_sum += total - depths[row % 600]
        depths[row % 600] = total
        depth_ratio = total * min(row + 1, 600) / depth_sum

        # I4 spread: mean of 1 s over the median of 300 s, 10 s apart
        wide = min(ask_tick - bid_tick, 127)
        spread_sum += wide - (spreads[(row - 10) % 3100] if row >= 10 else 0)
        spreads[row % 3100] = wide
        if row >= 100:
            spread_hist[spreads[(row - 100) % 3100]] += 1
        if row >= 3100:
            spread_hist[spreads[(row - 3099) % 3100]] -= 1
        inside, usual, half = 0, 1, min(max(row - 99, 0), 3000) // 2
        for bucket in range(128):
            inside += spread_hist[bucket]
            if inside > half:
                usual = bucket
                break
        spread = spread_sum / 10.0 * TICK / mid
        spread_ratio = spread / max(usual * TICK / mid, 2e-5)

        # I5 volume delta of 2 s, I6 trades of 1 s
        delta_w += delta - deltas[row % 20]
        deltas[row % 20] = delta
        gross_w += gross_row - gross[row % 20]
        gross[row % 20] = gross_row
        count_w += trades - counts[row % 10]
        counts[row % 10] = trades
        if row % 20 == 19:
            slot = row // 20 % 300
            old = population[slot]
            pop_sum += delta_w - old
            pop_sq += delta_w * delta_w - old * old
            population[slot] = delta_w
        n = min((row + 1) // 20, 300)
        z = 0.0
        if n > 1:
            mean = pop_sum / n
            z = (delta_w - mean) / max(math.sqrt(max(pop_sq / n - mean * mean, 0.0)), 1000.0)
        n = min((row + 1) // 10, 300)
        velocity = count_w / max(sec_sum / n, 5.0) if n > 0 else 0.0

        # I1 volatility, I2 acceleration, I7 patterns: once a second
        if row % 10 == 9:
            second = row // 10
            sec_sum += second_trades - seconds[second % 300]
            seconds[second % 300] = second_trades
            ret = math.log(mid / close_1) if close_1 > 0.0 else 0.0
            acceleration = ret - ret_1
            ret_1 = ret
            close_2, close_1 = close_1, mid
            square = ret * ret
            sum_w += square - (squares[(sq_at - 10) % 320] if second >= 10 else 0.0)
            sum_b += (squares[(sq_at - 20) % 320] if second >= 20 else 0.0) - (squares[sq_at] if second >= 320 else 0.0)
            block_sum += squares[(sq_at - 20) % 320] if second >= 20 else 0.0
            squares[sq_at] = square
            sq_at = (sq_at + 1) % 320
            sigma_b = math.sqrt(max(sum_b, 0.0) / 300.0)
            if second % 10 == 9:
                value = math.sqrt(block_sum / 10.0)
                block_sum = 0.0
                size = min(block_n, 360)
                if block_n >= 360:
                    gone = np.searchsorted(block_sorted, blocks[block_n % 360])
                    block_sorted[gone:359] = block_sorted[gone + 1 : 360].copy()
                    size = 359
                place = np.searchsorted(block_sorted[:size], value)
                block_sorted[place + 1 : size + 1] = block_sorted[place:size].copy()
                block_sorted[place] = value
                blocks[block_n % 360] = value
                block_n += 1
            if block_n >= 24:
                sigma_b = min(sigma_b, block_sorted[min(block_n, 360) // 2])
            ratio = math.sqrt(max(sum_w, 0.0) / 10.0) / max(sigma_b, 2e-5, 0.5 * TICK / mid)
            if second_trades == 0:
                o = h = lo = c
            bar = second % 5
            bars[bar, 0], bars[bar, 1], bars[bar, 2], bars[bar, 3], bars[bar, 4] = o, h, lo, c, volume
            pattern = 0
            for length in (5, 4, 3):
                exhausted, climax, other = True, True, 0.0
                wick, body = 0.0, np.inf
                for k in range(length):
                    b = bars[(second - length + 1 + k) % 5]
                    reach = max(b[1] - b[2], 1e-12)
                    lower, new_body = min(b[0], b[3]) - b[2], abs(b[3] - b[0])
                    if b[3] >= b[0] or reach < 5 * TICK or lower / reach <= 0.2 or lower < 1.1 * wick or new_body >= body:
                        exhausted = False
                    wick, body = lower, new_body
                    if b[3] <= b[0] or reach < 5 * TICK:
                        climax = False
                    if k < length - 1:
                        other += b[4]
                    elif (b[1] - max(b[0], b[3])) / reach <= 0.3 or b[4] <= 1.5 * other / (length - 1):
                        climax = False
                if exhausted:
                    pattern = 1
                    break
                if climax:
                    pattern = 2
                    break
            volume, second_trades = 0.0, 0

        # detector: three of the five core indicators for 2 s
        fired = 0
        if ratio > 5.0:
            fired += 1
        if acceleration <= -0.0015:
            fired += 1
        if imbalance <= -0.8:
            fired += 1
        if spread_ratio > 4.0 and spread >= 2e-4:
            fired += 1
        if z <= -3.0 and gross_w > 0.0 and delta_w / gross_w <= -0.5:
            fired += 1
        held = held + 1 if fired >= (2 if velocity > 3.0 else 3) and depth_ratio > 0.0 else 0
        if held == 20 and row > 3100:
            alarms += 1
        check += ratio + acceleration + imbalance + spread_ratio + z + velocity + pattern + depth_ratio + down + close_2
        row += 1
    return at[ROWS], at[CHANGES], at[DIGEST], alarms, check


def backtest(events):
    """The engine over one array of events: no latency, no orders, trades kept from row to row."""
    asset = (
        BacktestAsset()
        .data(events)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(TICK)
        .lot_size(LOT)
        .roi_lb(LOW_PRICE)
        .roi_ub(HIGH_PRICE)
        .last_trades_capacity(10_000)
    )
    hbt = ROIVectorMarketDepthBacktest([asset])
    result = replay(hbt)
    hbt.close()
    return result


def main():
    """Compile on the small file, then load and replay the day."""
    day, small = sys.argv[1:3]
    watch = Stopwatch()
    backtest(np.load(small)["data"])
    compile_s = watch.lap()
    from_file = backtest(day)  # its own reader, beside the replay
    from_file_s = watch.lap()
    events = np.load(day)["data"]
    watch.lap()
    rows, changes, digest, alarms, check = backtest(events)
    seconds = watch.lap()
    if from_file != (rows, changes, digest, alarms, check):
        sys.exit(f"hftbacktest gave {from_file} from the file and {(rows, changes, digest, alarms, check)} from memory")
    hand_in(
        version=__version__,
        level_rows=len(events),
        seconds=seconds,
        load_s=from_file_s - seconds,
        compile_s=compile_s,
        rows=int(rows),
        state_changes=int(changes),
        digest=int(digest),
        alarms=int(alarms),
        check=float(check),
    )


if __name__ == "__main__":
    main()
