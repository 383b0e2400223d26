"""Recording a running market without trading it: any live feed whose source can keep what it hears.

``flashcrash tape record`` of a venue's plugin asks for it through the api. Heavy imports stay inside, because every plugin reads
the api.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from flashcrash_core.market.recordings import RecordingOptions

__all__ = ["RECORD_SCHEMA", "record_market"]

RECORD_SCHEMA: Final = "flashcrash.tape_record/1"
_TELL_EVERY: Final = 2_000

Progress = Callable[[float | None, int], None]


def record_market(
    feed: str,
    options: RecordingOptions,
    *,
    symbols: Sequence[str] = (),
    duration_s: float | None = None,
    overrides: Sequence[str] = (),
    config_file: Path | None = None,
    plugins: str | None = None,
    on_ready: Callable[[], None] | None = None,
    on_progress: Progress | None = None,
) -> dict[str, Any]:
    """Record until a signal (Ctrl-C, SIGTERM), for ``duration_s`` of receive time, or until recording stops for want of room.

    ``overrides`` are settings as in ``--set``; ``on_ready`` is called when the market has been heard. Returns what was recorded as
    plain data: ``stopped`` tells why it had to end, or is empty. Raises UsageError, ConfigError, PluginError, VenueError,
    StorageError.
    """
    import signal

    from flashcrash_core.runtime.composition import open_run_input
    from flashcrash_core.runtime.interruption import Interruption
    from flashcrash_core.runtime.launch import prepare
    from flashcrash_core.runtime.request import RunRequest

    request = RunRequest(
        feed=feed,
        symbols=tuple(symbols),
        overrides=tuple(overrides),
        config_file=config_file,
        plugins=plugins,
        duration_s=duration_s,
    )
    prepared = prepare(request)
    interruption = Interruption()
    events = 0
    first_us = last_us = 0
    health: dict[str, Any] = {}
    with interruption.watched():
        source, _ = open_run_input(prepared.config.settings, prepared.plugins, paths=(), feed=feed, record=options)
        try:
            if on_ready is not None:
                on_ready()
            until_us = None
            source.while_wanted(lambda: not interruption.signal)
            for event in source.events():
                events += 1
                last_us = max(last_us, event.receive_us)
                if until_us is None and event.receive_us:
                    first_us = event.receive_us
                    until_us = first_us + round(duration_s * 1e6) if duration_s is not None else 2**63
                if interruption.signal or (until_us is not None and last_us >= until_us):
                    break
                if not events % _TELL_EVERY:
                    if (source.recording() or {}).get("stopped"):
                        break
                    if on_progress is not None:
                        on_progress(None, events)
            health = source.health() or {}
        finally:
            source.close()
    document: dict[str, Any] = {"schema": RECORD_SCHEMA, "feed": feed, "symbols": list(source.symbols)}
    document |= source.recording() or {}
    document |= {"events": events, "seconds": round((last_us - first_us) / 1e6, 3), "feed_health": health}
    if interruption.signal:
        document["interrupted_by"] = signal.Signals(interruption.signal).name
    return document
