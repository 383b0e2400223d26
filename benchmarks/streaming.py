"""Streaming benchmark: a raw capture to decisions at full speed, against the same work built with a hook call per message.

    python benchmarks/streaming.py [CAPTURE ...] [--rounds 5]

Without a capture: the recorded spot files of FLASHCRASH_DATA if it is set, and always a capture rendered from the simulated
market (SYNTHETIC). All builds first run once while every feature row and judged value is hashed; if the digests or the decision
hashes differ, no ratio is printed and the exit code is 1. There are two references (benchmarks/hook_per_message.py): one evaluates
its indicators on the product's grid, one at every message. Then they run in turns in one process, and medians are compared, so that
a busy machine slows all alike. Timed is the run over the file (reading, decoding, book, features, indicators, decisions);
composing is not.
"""

import argparse
import gc
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pluggy
from hook_per_message import HookSession, VenueOfMessages, hookimpl, hookspec, messages
from render_capture import render

from flashcrash_core.market.features import FeatureRow
from flashcrash_core.runtime.composition import Composition, compose, open_run_input
from flashcrash_core.runtime.inputs import Input
from flashcrash_core.runtime.launch import Prepared, RunRequest, prepare
from flashcrash_core.runtime.runner import Runner, RunOptions, RunOutcome
from flashcrash_core.runtime.session import Session
from flashcrash_core.trading.execution import ExecutorContext

Paths = Sequence[Path]


@attrs.define
class Messages:
    """The part of an input that a runner uses, over attrs messages: the product's own input refuses what is none of its events."""

    _messages: Iterator[Any]
    consumed: int = 0
    on_fault: Any = None
    feed: str = "messages"
    live: bool = False

    def events(self) -> Iterator[Any]:
        """All messages; ``consumed`` counts them."""
        for message in self._messages:
            self.consumed += 1
            yield message

    def progress(self) -> float | None:
        """Not known."""
        return None


@attrs.frozen
class Ready:
    """A build, composed over its input."""

    runner: Runner
    source: Input

    @property
    def session(self) -> Session:
        """The session that the runner drives."""
        return self.runner.session

    def run(self) -> RunOutcome:
        """Drive it to the end of the input."""
        return self.runner.run(self.source)


class RowDigest:
    """A hash over every feature row and the judged values and flags that followed from it."""

    def __init__(self, session: Session) -> None:
        self._hash = blake2b(digest_size=16)
        self.rows = 0
        for lane in session.lanes.values():
            self._watch(lane.detector)

    def _watch(self, detector: Any) -> None:
        on_row, judgement = detector.on_row, detector.judgement

        def watched(row: FeatureRow, pairs: Any, *, flat: bool) -> Any:
            transitions = on_row(row, pairs, flat=flat)
            self._hash.update(repr((tuple(row), judgement.values, judgement.fired)).encode())
            self.rows += 1
            return transitions

        detector.on_row = watched

    @property
    def hex(self) -> str:
        """The digest so far."""
        return self._hash.hexdigest()


def composed(paths: Paths) -> tuple[Prepared, Composition]:
    """The product, ready to run over the captures; nothing is stored."""
    prepared = prepare(RunRequest(mode="backtest", paths=tuple(paths)))
    source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=tuple(paths), feed=None)
    return prepared, compose(prepared.config, prepared.plugins, source)


def product(paths: Paths) -> Ready:
    """The whole pipeline without storage: decode, book, features, eight indicators, detector, hold sweep, strategy, matching."""
    _, composition = composed(paths)
    return Ready(Runner(composition.session, composition.executor, None, "", RunOptions()), composition.source)


def on_grid(paths: Paths) -> Ready:
    """The same with hook calls, attrs messages and Decimal (benchmarks/hook_per_message.py), indicators evaluated at rows."""
    return reference(paths, per_message=False)


def per_message(paths: Paths) -> Ready:
    """The same loop with its indicators evaluated at every message too."""
    return reference(paths, per_message=True)


def reference(paths: Paths, *, per_message: bool) -> Ready:
    """A build of benchmarks/hook_per_message.py, composed."""
    prepared, composition = composed(paths)
    session = HookSession(composition, per_message=per_message)
    settings, lanes = prepared.config.settings, session.lanes
    seq = iter(range(1, 10**12))
    context = ExecutorContext(
        markets={symbol: lane.market for symbol, lane in lanes.items()},
        fees=session.setup.fees,
        seed=settings.run.seed,
        next_seq=lambda: next(seq),
        fill_model=settings.fills.model,
        volatility=lambda symbol: lanes[symbol].sigma(),
    )
    executor = prepared.plugins.executor.spec.build(prepared.plugins.executor.config, context)
    runner = Runner(session, VenueOfMessages(executor), None, "", RunOptions())
    (instrument,) = session.instruments.values()
    return Ready(runner, Messages(messages(paths, instrument)))  # type: ignore[arg-type]


def timed(build: Callable[[Paths], Ready], paths: Paths) -> tuple[float, int]:
    """Compose, then time the run: seconds and messages."""
    ready = build(paths)
    gc.collect()
    start = time.perf_counter()
    outcome = ready.run()
    return time.perf_counter() - start, outcome.events


def proof(build: Callable[[Paths], Ready], paths: Paths) -> tuple[str, str, int, int]:
    """Digest over all rows, decision hash, number of rows and of decisions."""
    ready = build(paths)
    digest, decisions = RowDigest(ready.session), ready.session.hash
    ready.run()
    return digest.hex, decisions.hex, digest.rows, decisions.count


def decode_seconds(paths: Paths) -> tuple[float, float]:
    """Seconds to read and decode only: the product's feed, the reference's."""
    _, composition = composed(paths)
    (known,) = composition.source.symbols.values()
    seconds = []
    for events in (composition.source.events(), messages(paths, known.instrument)):
        gc.collect()
        start = time.perf_counter()
        for _ in events:
            pass
        seconds.append(time.perf_counter() - start)
    composition.source.close()
    return seconds[0], seconds[1]


class _Hook:
    @hookspec
    def on_message(self, message: Any) -> None:
        """Called for every message."""


class _Nothing:
    @hookimpl
    def on_message(self, message: Any) -> None:
        """Do nothing."""


def dispatch_us(plugins: int = 12, calls: int = 20_000) -> tuple[float, float]:
    """Microseconds to reach ``plugins`` plugins once: a tuple of bound methods, a pluggy hook call."""
    manager = pluggy.PluginManager("hook_per_message")
    manager.add_hookspecs(_Hook)
    listeners = [_Nothing() for _ in range(plugins)]
    for listener in listeners:
        manager.register(listener)
    bound, hook = tuple(listener.on_message for listener in listeners), manager.hook.on_message
    start = time.perf_counter()
    for _ in range(calls):
        for call in bound:
            call(None)
    between = time.perf_counter()
    for _ in range(calls):
        hook(message=None)
    return (between - start) / calls * 1e6, (time.perf_counter() - between) / calls * 1e6


def decision_path(paths: Paths) -> dict[str, list[int]]:
    """Nanoseconds of ``session.on_event`` per event, by whether the lane was awake before it."""
    ready = product(paths)
    session = ready.session
    on_event, lanes, clock = session.on_event, session.lanes, time.perf_counter_ns
    spent: dict[str, list[int]] = {"asleep": [], "awake": []}

    def watched(event: Any) -> bool:
        kind = spent["awake" if lanes[event.symbol].awake else "asleep"]
        start = clock()
        led_to = on_event(event)
        kind.append(clock() - start)
        return led_to

    session.on_event = watched  # type: ignore[method-assign]
    ready.run()
    return spent


def quantile_us(ordered: list[int], q: float) -> float:
    """A quantile of sorted nanoseconds, in microseconds."""
    return ordered[min(int(q * len(ordered)), len(ordered) - 1)] / 1000


def compare(name: str, paths: Paths, rounds: int) -> bool:
    """Prove, then time; prints one block. Returns whether both builds agree."""
    print(f"\n{name}: {', '.join(path.name for path in paths)}")
    builds = {"flashcrash": product, "on the grid": on_grid, "per message": per_message}
    proofs = {label: proof(build, paths) for label, build in builds.items()}
    for label, (rows, decisions, row_count, decision_count) in proofs.items():
        print(f"  {label:<14} {row_count:,} rows {rows}, {decision_count:,} decisions {decisions}")
    if len(set(proofs.values())) > 1:
        print("  the builds DISAGREE: not the same work, so no ratio is given")
        return False
    print("  the builds agree: same rows, judged values and decisions")
    seconds: dict[str, list[float]] = {label: [] for label in builds}
    decode, messages_read = [], 0
    for _ in range(rounds):
        for label, build in builds.items():
            spent_s, messages_read = timed(build, paths)
            seconds[label].append(spent_s)
        decode.append(decode_seconds(paths))
    mine_decode, other_decode = (statistics.median(column) for column in zip(*decode, strict=True))
    mine = statistics.median(seconds["flashcrash"])
    print(f"  flashcrash     {messages_read / mine:>10,.0f} messages/s ({mine:.2f} s, of it decoding {mine_decode:.2f} s)")
    for label in ("on the grid", "per message"):
        other = statistics.median(seconds[label])
        ratios = [b / a for a, b in zip(seconds["flashcrash"], seconds[label], strict=True)]
        spread = f"medians of {rounds} rounds in turns, {min(ratios):.2f}x to {max(ratios):.2f}x"
        print(f"  {label:<14} {messages_read / other:>10,.0f} messages/s ({other:.2f} s, of it decoding {other_decode:.2f} s)")
        print(f"  ratio {label:<12} {other / mine:.2f}x ({spread})")
    print(f"  decoding only      {other_decode / mine_decode:.2f}x")
    for state, spent in decision_path(paths).items():
        spent.sort()
        if spent:
            p50, p99 = quantile_us(spent, 0.5), quantile_us(spent, 0.99)
            print(f"  on_event {state:<6}{p50:8.1f} us p50 {p99:8.1f} us p99 ({len(spent):,} events)")
    return True


def main() -> int:
    """Run all inputs; the exit code is 1 when the builds disagree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", nargs="*", type=Path, help="raw spot captures of one symbol, in order")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    print(
        f"machine: {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, msgspec {msgspec.__version__}, attrs {attrs.__version__}, pluggy {pluggy.__version__}"
    )
    bound, hook = dispatch_us()
    print(f"dispatch to 12 plugins: bound methods {bound:.2f} us, pluggy hook call {hook:.2f} us: {hook / bound:.1f}x")
    if options.capture:
        return 0 if compare("capture", options.capture, options.rounds) else 1
    agreed = True
    folder = os.environ.get("FLASHCRASH_DATA")
    if folder:
        agreed = compare("recorded", sorted(Path(folder).glob("binance_spot_BTCUSDT_raw_*.gz")), options.rounds)
    with tempfile.TemporaryDirectory() as temporary:
        rendered = Path(temporary) / "simulated.gz"
        render(rendered)
        agreed &= compare("SYNTHETIC, rendered from the simulated market", [rendered], options.rounds)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
