"""The feed ``simulated`` through the kernel's seam."""

import itertools

import pytest
from attrs import evolve

from flashcrash_core.errors import ConfigError
from flashcrash_core.market.feed import DataTier, FeedRequest
from flashcrash_core.market.instruments import Instrument
from flashcrash_feeds.simulated import SimulatedConfig, flashcrash_feeds, flashcrash_plugin

SHORT = SimulatedConfig(calm_s=5, crash_s=14, legs=2, bounce_s=10, swings=1, aftermath_s=3)


def _request(**changes) -> FeedRequest:
    def resolve(symbol, *, kind="spot", sample=None):
        return Instrument(symbol, "0.01", "0.0001")

    return FeedRequest(instruments=resolve, next_seq=itertools.count(100).__next__, **changes)


def _open(config: SimulatedConfig, request: FeedRequest):
    (spec,) = flashcrash_feeds()
    return spec.build(config).open(request)


def test_it_says_what_it_is():
    """One symbol by default, a synthetic book, the lowest data tier."""
    (spec,) = flashcrash_feeds()
    assert (spec.name, spec.config, spec.live, spec.opens) == ("simulated", SimulatedConfig, False, None)
    assert flashcrash_plugin.api == 1
    info = _open(SHORT, _request()).info
    assert info.symbols == ("SIMUSDT",)
    assert info.has_book
    assert info.synthetic_book
    assert info.data_tier is DataTier.SYNTHETIC
    assert "seed 1" in info.description


def test_events_carry_the_runs_sequence_and_progress_reaches_one():
    """Arrival sequences come from the request, without holes, and progress runs from 0 to 1 by event time."""
    source = _open(SHORT, _request())
    assert source.progress() == 0.0
    seen, last = [], 0.0
    for event in source.events():
        seen.append(event.seq)
        assert last <= source.progress() <= 1.0
        last = source.progress()
    assert seen == list(range(100, 100 + len(seen)))
    assert source.progress() == 1.0
    source.close()
    source.close()


def test_the_configured_seed_wins_over_the_runs():
    """Without a seed of its own the feed follows the request's."""
    own = list(_open(evolve(SHORT, seed=5), _request(seed=1)).events())
    runs = list(_open(SHORT, _request(seed=5)).events())
    other = list(_open(SHORT, _request(seed=6)).events())
    assert own == runs
    assert runs != other


def test_several_symbols_are_merged_in_arrival_order():
    """Each symbol is the market that it would be alone; the sequence and the receive times run through all of them."""
    events = list(_open(SHORT, _request(symbols=("AUSDT", "BUSDT"))).events())
    assert [e.seq for e in events] == list(range(100, 100 + len(events)))
    assert all(a.receive_us <= b.receive_us for a, b in itertools.pairwise(events))
    alone = list(_open(SHORT, _request(symbols=("BUSDT",))).events())
    merged = [e for e in events if e.symbol == "BUSDT"]
    assert [(type(e), e.exchange_us, e.receive_us) for e in merged] == [(type(e), e.exchange_us, e.receive_us) for e in alone]


def test_a_symbol_named_twice_is_refused():
    """One market cannot run twice in one session."""
    with pytest.raises(ConfigError, match="name each once"):
        _open(SHORT, _request(symbols=("AUSDT", "ausdt")))


@pytest.mark.parametrize(
    "changes", [{"preset": "x"}, {"calm_s": 0}, {"crash_fall": 1.0}, {"start_price": -1.0}, {"legs": 0}, {"aftermath_s": 10**9}]
)
def test_settings_out_of_range_are_refused(changes):
    """The configuration class is the schema."""
    with pytest.raises(ValueError, match=next(iter(changes))):
        SimulatedConfig(**changes)


def test_settings_that_do_not_fit_together_are_refused_on_opening():
    """A crash too short for its legs is named before the first event."""
    with pytest.raises(ConfigError, match="too short for 5 legs"):
        _open(SimulatedConfig(crash_s=20), _request())
