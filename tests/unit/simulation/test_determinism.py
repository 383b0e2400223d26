"""The simulated market is a function of scenario and seed alone."""

import hashlib
import os
import subprocess
import sys

import msgspec
import pytest

from flashcrash_core.simulation.generator import SimulatedMarket
from flashcrash_core.simulation.scenario import scenario_preset

SHORT = {"calm_s": 5, "crash_s": 14, "legs": 2, "bounce_s": 10, "swings": 1, "aftermath_s": 3}

PROGRAM = """
import hashlib, msgspec
from flashcrash_core.simulation.generator import SimulatedMarket
from flashcrash_core.simulation.scenario import scenario_preset
market = SimulatedMarket(scenario_preset("crash_and_bounce", **%r), 7)
print(hashlib.sha256(msgspec.msgpack.encode(list(market.events()))).hexdigest())
"""


def _digest(seed: int, **changes: object) -> str:
    market = SimulatedMarket(scenario_preset("crash_and_bounce", **(SHORT | changes)), seed)
    return hashlib.sha256(msgspec.msgpack.encode(list(market.events()))).hexdigest()


def test_the_same_seed_gives_the_same_events():
    """Two markets of one scenario and seed are equal to the last byte."""
    assert _digest(7) == _digest(7)


def test_another_seed_gives_another_market():
    """The seed matters."""
    assert len({_digest(seed) for seed in range(1, 6)}) == 5


def test_symbols_are_independent_streams():
    """Two symbols of one seed do not share their randomness."""
    first = list(SimulatedMarket(scenario_preset("calm", calm_s=5, symbol="AUSDT"), 7).events())
    second = list(SimulatedMarket(scenario_preset("calm", calm_s=5, symbol="BUSDT"), 7).events())
    assert [e.receive_us for e in first] != [e.receive_us for e in second]


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_string_hashing_does_not_matter(hash_seed):
    """A process with another PYTHONHASHSEED produces the same bytes as this one."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % (SHORT,)], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == _digest(7)


def test_a_longer_market_begins_like_a_shorter_one():
    """Streams are split by purpose: what comes later cannot change what came before."""
    short = list(SimulatedMarket(scenario_preset("crash_and_bounce", **SHORT), 7).events())
    longer = list(SimulatedMarket(scenario_preset("crash_and_bounce", **(SHORT | {"aftermath_s": 9})), 7).events())
    assert len(longer) > len(short) + 300
    assert longer[: len(short)] == short
