"""Plugin ``binance_exchange``: ``flashcrash exchange``, a local exchange that speaks Binance, for tests and demonstrations."""

from typing import Annotated, Any

import typer

from flashcrash_core.api import PluginInfo, hookimpl

__all__ = ["exchange", "flashcrash_commands", "flashcrash_plugin"]

flashcrash_plugin = PluginInfo(
    api=1, summary="The command `exchange`: a local exchange that speaks Binance, with faults on demand."
)


def exchange(
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on loopback; 0 picks a free one.")] = 0,
    source: Annotated[
        str, typer.Option("--source", metavar="simulated|CAPTURE|TAPE", help="What it plays: a simulated market, or a recording.")
    ] = "simulated",
    symbols: Annotated[str, typer.Option("--symbols", metavar="A,B", help="Symbols; simulated: SIMUSDT, recordings: all.")] = "",
    speed: Annotated[str, typer.Option("--speed", metavar="X", help="Times as fast as recorded, or max.")] = "1",
    faults: Annotated[
        str,
        typer.Option("--faults", metavar="SPEC", help="What goes wrong and when: drop@10s,lose=1%, or random (docs/exchange.md)."),
    ] = "",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the simulated market and of the faults.")] = 1,
    market: Annotated[
        str, typer.Option("--market", metavar="spot|usdm", help="Which Binance; left out: the recording's, or spot.")
    ] = "",
    clock_offset_ms: Annotated[
        float,
        typer.Option("--clock-offset", metavar="MS", help="How far the exchange's clock is ahead, milliseconds; negative: behind."),
    ] = 0.0,
    clock_drift_ppm: Annotated[
        float, typer.Option("--clock-drift", metavar="PPM", help="What its clock gains, microseconds a second.")
    ] = 0.0,
    at_end: Annotated[str, typer.Option("--at-end", metavar="stay|stop|loop", help="What happens when the source ends.")] = "stay",
    balances: Annotated[
        str, typer.Option("--balances", metavar="A=N,B=N", help="What the account has; 10000 of the quote asset unless given.")
    ] = "",
    fee_ppm: Annotated[
        int, typer.Option("--fee-ppm", min=0, max=100_000, help="Commission, parts per million of what is received.")
    ] = 1_000,
    key_rights: Annotated[
        str, typer.Option("--key-rights", metavar="A,-B", help="Rights of the API key, such as withdrawals or -trading.")
    ] = "",
    replica_lag_ms: Annotated[
        float, typer.Option("--replica-lag", metavar="MS", min=0, help="For up to so long a query does not find a new order.")
    ] = 0.0,
) -> None:
    """Serve a local exchange that speaks Binance. Prints one line of JSON with its addresses; Ctrl-C ends it."""
    from flashcrash_binance.exchange.serving import Wanted, serve

    wanted = Wanted(
        port=port,
        source=source,
        symbols=symbols,
        speed=speed,
        faults=faults,
        seed=seed,
        market=market,
        clock_offset_ms=clock_offset_ms,
        clock_drift_ppm=clock_drift_ppm,
        at_end=at_end,
        balances=balances,
        fee_ppm=fee_ppm,
        key_rights=key_rights,
        replica_lag_ms=replica_lag_ms,
    )
    serve(wanted)


@hookimpl
def flashcrash_commands() -> list[tuple[str, Any]]:
    """The command ``exchange``."""
    return [("exchange", exchange)]
