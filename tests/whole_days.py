"""Whole simulated days through both engines: everything that a report says must be the same.

    python tests/whole_days.py [--days 3] [--first-seed 1]

Run by `make whole-days`. SYNTHETIC markets with a crash at their end; a day takes the streaming engine a minute or two.
"""

import argparse
import time

from engine_pair import batched, differences, request, streamed


def main() -> int:
    """Compare the days; the exit code is 1 at the first difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=1)
    options = parser.parse_args()
    for seed in range(options.first_seed, options.first_seed + options.days):
        asked = request(
            f"run.seed={seed}", "feeds.simulated.calm_s=85500", "feeds.simulated.trades_per_s=4", "feeds.simulated.quotes_per_s=4"
        )
        began = time.perf_counter()
        stream = streamed(asked)
        between = time.perf_counter()
        batch = batched(asked)
        ended = time.perf_counter()
        different = differences(stream, batch)
        told = f"different: {', '.join(different)}" if different else f"equal, decision hash {stream['decision_hash']}"
        print(
            f"seed {seed}: {stream['events']:,} events, {stream['state_seconds']['SLEEP']:,.0f} s asleep, "
            f"{len(stream['trades'])} trades; "
            f"stream {between - began:.1f} s, batch {ended - between:.1f} s with making the market and its columns; {told}",
            flush=True,
        )
        if different:
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
