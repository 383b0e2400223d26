"""Plans drawn from a seed."""

from collections import Counter

import pytest
from exchange_bench import SYMBOL, Bench

from flashcrash_binance.exchange.fault_plans import DRAWN, random_plan
from flashcrash_binance.exchange.faults import TRADING_FAULTS, FaultName, parse_faults


def test_a_seed_draws_one_plan() -> None:
    """The same seed gives the same plan, and its text gives it back."""
    for seed in range(200):
        plan = random_plan(seed)
        assert plan == random_plan(seed)
        assert parse_faults(plan.spec) == plan
    assert len({random_plan(seed).spec for seed in range(200)}) > 190


def test_every_fault_is_drawn() -> None:
    """No switch is forgotten."""
    assert {fault.name for seed in range(500) for fault in random_plan(seed).faults} == set(FaultName) - TRADING_FAULTS
    assert {name.removesuffix("_at_step") for name in DRAWN} == set(FaultName) - TRADING_FAULTS


@pytest.mark.parametrize("seed", range(15))
def test_plans_run_and_leave_the_exchange_sound(seed: int) -> None:
    """Whatever goes wrong goes wrong for clients: the exchange plays on, and a new client's book is right at the end."""
    bench = Bench(faults=random_plan(seed).spec, seed=seed)
    kinds: Counter[str] = Counter()
    for second in range(25):
        if second % 4 == 0 and bench.core.connect(100 + second, f"/stream?streams={SYMBOL.lower()}@depth@100ms", bench.now_us):
            kinds["refused"] += 1
        kinds[str(bench.ask(f"depth?symbol={SYMBOL}").status)] += 1
        bench.play(1)
    calm = Bench(seed=seed)
    calm.play(25)
    mine, theirs = bench.core.truth(SYMBOL), calm.core.truth(SYMBOL)
    assert (mine.bids, mine.asks) == (theirs.bids, theirs.asks), f"seed {seed}: {random_plan(seed).spec}: {kinds}"
