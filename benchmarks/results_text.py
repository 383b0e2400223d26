"""The Markdown of docs/results.md, from the reports of the runs. Every figure comes from a report; nothing is typed in."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from results_runs import Outcome

__all__ = ["compose_document"]

_MASSACRE: Final = ("2025-10-10T21:13:00", "2025-10-10T21:20:00")
_UP_WICK: Final = ("2025-10-10T21:47:14", "2025-10-10T21:47:15")
_AROUND: Final = ("2025-10-10T21:46:30", "2025-10-10T21:48:00")

Window = tuple[int, int]


def compose_document(first: Sequence[Outcome], sensitivity: Sequence[Outcome], heading: str) -> str:
    """The whole page."""
    real = [o for o in first if o.run.group != "sim"]
    simulated = [o for o in first if o.run.group == "sim"]
    crash = [o for o in first if o.run.group == "pol"]
    parts = [
        heading,
        _plainly(crash, sensitivity),
        "## Real data\n",
        _overview(real),
        _notes(real),
        "## Simulated market: SYNTHETIC\n",
        "Every figure of this table is SYNTHETIC: the market is made by this program, so it shows that the parts work together and "
        "says nothing about detection or profit on real markets.\n",
        _overview(simulated),
        "## POLUSDT, the crash day\n",
        *[_crash_day(o) for o in crash],
        "## Sensitivity on the crash day\n",
        _sensitivity(sensitivity),
        "## Commands\n",
        "Run in an empty directory with `FLASHCRASH_DATA` set; `--json` prints the reports that this page is made of.\n",
        _commands([*first, *sensitivity]),
    ]
    return "\n".join(parts)


# -- what it comes to ----------------------------------------------------------------------------------------------------


def _plainly(crash: Sequence[Outcome], sensitivity: Sequence[Outcome]) -> str:
    lines = ["## Plainly\n"]
    for outcome in crash:
        report, profile = outcome.report, outcome.run.profile
        considered = sum(report["entries_rejected"].values()) + report["entries_made"]
        lines.append(
            f"- Profile `{profile}`, POLUSDT, strict score: {_count(len(report['trades']), 'trade')}, {report['entries_made']} of "
            f"{considered} considered entries sent, net {_money(report['pnl_net'])}. {_why_strict(report)}"
        )
        research = report["research"]
        trades, orders, fills = len(research["trades"]), research["entries_made"], research["fills"]
        lines.append(
            f"- Profile `{profile}`, research variant (renormalised score, liquidity gate off): {_count(trades, 'trade')}, "
            f"{_count(orders, 'order')} sent, {_count(fills, 'fill')}: {_verdict(research)}."
        )
    for outcome in sensitivity:
        if outcome.run.group == "loosened" and outcome.run.fills == "M1" and "x1, fees 10/10" in outcome.run.title:
            report = outcome.report
            lines.append(
                f"- Profile `{outcome.run.profile}`, loosened until it trades (reference section 5.2): "
                f"{_count(len(report['trades']), 'trade')}, {_verdict(report)}."
            )
    lines += [
        "- One crash day is one observation. Nothing here is an estimate of what the strategy earns; zero trades on a real crash "
        "is a valid result and nothing was tuned to change it.",
        "- The other real files say little: the table's notes tell what each could and could not show.\n",
    ]
    return "\n".join(lines)


def _why_strict(report: dict[str, Any]) -> str:
    notes = [note for detection in report["detection"].values() for note in detection["notes"]]
    active = report["state_seconds"]["ACTIVE"]
    if not active:
        return "The detector never reached ACTIVE, so no entry was possible."
    if report["trades"]:
        return ""
    return f"Refused by {_reasons(report['entries_rejected'])}. " + "".join(f"Besides, {note}. " for note in notes).rstrip()


def _verdict(report: dict[str, Any]) -> str:
    net = report["pnl_net"]
    if not report["fills"]:
        return "it neither made nor lost money, as nothing filled"
    return f"it {'made' if net > 0 else 'lost'} {_money(abs(net))} after {_money(report['fees'])} of fees"


# -- tables --------------------------------------------------------------------------------------------------------------


def _overview(outcomes: Sequence[Outcome]) -> str:
    head = (
        "input", "profile", "score", "data tier", "fills", "episodes / ACTIVE", "first ACTIVE (UTC)", "s ACTIVE", "trades",
        "refused entries", "fees", "net P&L", "decision hash",
    )  # fmt: skip
    rows = []
    for outcome in outcomes:
        report, run = outcome.report, outcome.run
        detector = _detector_cells(report)
        if run.command == "detect":
            money = ["-"] * 4
            rows.append([run.title, run.profile, "-", report["data_tier"], "-", *detector, *money, f"`{report['decision_hash']}`"])
            continue
        tier = report["data_tier"] if report["data_tier"] != "synthetic" else "SYNTHETIC"
        rows.append([run.title, run.profile, "strict", tier, report["fill_model"], *detector, *_money_cells(report)])
        if "research" in report:
            research = report["research"]
            rows.append(
                [run.title, run.profile, "research", tier, research["fill_model"], *detector, *_money_cells(research)]
            )  # the variant changes the score alone: the same detector
    return _table(head, rows)


def _notes(outcomes: Sequence[Outcome]) -> str:
    lines = ["A decision hash of zeros means that nothing was decided, not even a change of state. What the runs could see:\n"]
    for outcome in outcomes:
        for detection in outcome.report["detection"].values():
            told = "; ".join(detection["notes"]) or "book and warm-up complete"
            size = f"{outcome.report['events']:,} events over {detection['span_s']} s"
            lines.append(f"- {outcome.run.title}, `{outcome.run.profile}`: {size}; {told}.")
    return "\n".join(lines) + "\n"


def _detector_cells(report: dict[str, Any]) -> list[str]:
    episodes = report["episodes"]
    active = [e["active_us"] for e in episodes if e["active_us"] is not None]
    return [f"{len(episodes)} / {len(active)}", _utc(min(active)) if active else "-", f"{report['state_seconds']['ACTIVE']}"]


def _money_cells(report: dict[str, Any]) -> list[str]:
    return [
        str(len(report["trades"])), _reasons(report["entries_rejected"]), _money(report["fees"]), _money(report["pnl_net"]),
        f"`{report['decision_hash']}`",
    ]  # fmt: skip


def _crash_day(outcome: Outcome) -> str:
    report = outcome.report
    spans = [tuple(span) for e in report["episodes"] for span in e["active_spans"]]
    window = _window(_MASSACRE)
    covered = sum(max(0, min(end, window[1]) - max(start, window[0])) for start, end in spans)
    length = window[1] - window[0]
    share = 100 * covered / length
    parts = [
        f"### Profile `{outcome.run.profile}`\n",
        f"ACTIVE covers **{share:.1f} %** of 21:13:00 to 21:20:00 UTC ({covered / 1e6:.1f} s of {length / 1e6:.0f} s).\n",
        _up_wick(outcome, spans),
        "Spans of ACTIVE:\n",
        _spans(outcome, spans) if spans else "none\n",
        "Hold sweep: the same data under other confirmation times (reference section 3.1).\n",
        _hold_sweep(report),
        "Seconds outside SLEEP in which entries were blocked although the state allowed them: "
        + (", ".join(f"{reason} {seconds}" for reason, seconds in report["blocked_seconds"].items()) or "none")
        + ".\n",
    ]
    return "\n".join(parts)


def _up_wick(outcome: Outcome, spans: Sequence[tuple[int, int]]) -> str:
    moment, around = _window(_UP_WICK), _window(_AROUND)
    near = [span for span in spans if _overlap(span, around)]
    told = [_span_told(outcome, span) for span in near]
    hit = [span for span in near if _overlap(span, moment)]
    if hit:
        source, _ = _entered(outcome, hit[0][0])
        return (
            "The up-wick of 21:47: the price collapses back in one second, at 21:47:14. The data's README calls this the end of an "
            f"up-wick, not a crash. It was classified as ACTIVE: {'; '.join(told)}. That is a **false positive of the {source} -> "
            "ACTIVE rule**: the direction gate measures the fall from the wick's own peak, and nothing asks where the rise came "
            "from.\n"
        )
    if near:
        return f"The up-wick of 21:47 collapsing back (21:47:14) was not ACTIVE itself; near it: {'; '.join(told)}.\n"
    return "The up-wick of 21:47 collapsing back (21:47:14: the end of an up-wick, not a crash) was not classified as ACTIVE.\n"


def _span_told(outcome: Outcome, span: tuple[int, int]) -> str:
    source, reason = _entered(outcome, span[0])
    return f"the span {_utc(span[0], day=False)} to {_utc(span[1], day=False)}, entered from {source} with reason `{reason}`"


def _entered(outcome: Outcome, t_us: int) -> tuple[str, str]:
    for row in outcome.states:
        if int(row["t_us"]) == t_us and row["target"] == "ACTIVE":
            return row["source"], row["reason"]
    raise SystemExit(f"{outcome.run.shown}: states.csv has no transition to ACTIVE at {t_us}, but the report has a span from there")


def _spans(outcome: Outcome, spans: Sequence[tuple[int, int]]) -> str:
    rows = [[_utc(a, day=False), _utc(b, day=False), f"{(b - a) / 1e6:.1f}", *_entered(outcome, a)] for a, b in spans]
    return _table(("from (UTC)", "to (UTC)", "seconds", "entered from", "reason"), rows)


def _hold_sweep(report: dict[str, Any]) -> str:
    rows = [
        [str(r["hold_s"]), str(r["episodes"]), str(r["active_episodes"]), str(r["active_s"]), _utc(r["first_active_us"])]
        for sweep in report["hold_sweep"].values()
        for r in sweep
    ]
    return _table(("hold (s)", "episodes", "that reached ACTIVE", "s ACTIVE", "first ACTIVE (UTC)"), rows)


def _sensitivity(outcomes: Sequence[Outcome]) -> str:
    if not outcomes:
        return "No profile considered an entry, so there is nothing that fills, latency or fees could change.\n"
    parts = [
        "`research` is the renormalised score without the liquidity gate. `loosened` also drops the volume gate, takes the "
        "threshold to 50 and enters in RECOVERY: research on fills, never a setting to trade with. M0 is an upper bound. A "
        "positive mark-out means that the price moved in favour of the fill.\n"
    ]
    head = (
        "profile",
        "variant",
        "fills, latency, fees",
        "orders",
        "fills",
        "trades",
        "fees",
        "net P&L",
        "mark-outs (bp): 0.1 s, 1 s, 5 s",
    )
    rows = []
    for outcome in outcomes:
        report, run = outcome.report, outcome.run
        numbers = (report["entries_made"], report["fills"], len(report["trades"]))
        money = (_money(report["fees"]), _money(report["pnl_net"]), _markouts(report))
        rows.append([run.profile, run.group, run.title, *map(str, numbers), *money])
    parts.append(_table(head, rows))
    return "\n".join(parts)


def _markouts(report: dict[str, Any]) -> str:
    means = [m["mean_bps"] for symbol in report["markouts"].values() for m in symbol.values()]
    return ", ".join("-" if mean is None else f"{mean:+.1f}" for mean in means)


def _commands(outcomes: Sequence[Outcome]) -> str:
    rows = [f"{o.run.shown}  # {o.run.group}: {o.run.title}" for o in outcomes]
    return "```sh\n" + "\n".join(rows) + "\n```\n"


# -- words ---------------------------------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _money(value: Any) -> str:
    return f"{Decimal(value):.2f}" if value else "0"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _reasons(refused: dict[str, int]) -> str:
    return ", ".join(f"{reason} {number}" for reason, number in refused.items()) or "none"


def _utc(t_us: int | None, *, day: bool = True) -> str:
    if t_us is None:
        return "-"
    moment = datetime.fromtimestamp(t_us // 1_000_000, UTC)
    return f"{moment:{'%Y-%m-%d ' if day else ''}%H:%M:%S}.{t_us // 100_000 % 10}"


def _window(limits: tuple[str, str]) -> Window:
    start, end = (round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000 for text in limits)
    return start, end


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] < b[1] and b[0] < a[1]
