"""Plans drawn from a seed: a few faults of all kinds, spread over a stretch of time."""

from collections.abc import Callable
from random import Random
from typing import Final

from flashcrash_binance.exchange.faults import FaultPlan, parse_faults

__all__ = ["DRAWN", "DRAWN_FOR_TRADING", "random_plan", "random_trading_plan"]

_STREAMS: Final = ("depth", "trade", "bookTicker", "")


def random_plan(seed: int, *, first_s: float = 3.0, last_s: float = 20.0, most: int = 5) -> FaultPlan:
    """One to ``most`` faults between two moments after the exchange's start; the same for the same seed.

    Waits and delays are short (a second at most), so that recovering from them can be asked for within seconds.
    """
    rng = Random(f"fault plan {seed}")
    names = rng.choices(list(DRAWN), k=rng.randint(1, most))
    return parse_faults(",".join(DRAWN[name](rng, first_s, last_s) for name in names))


def random_trading_plan(seed: int, *, first_s: float = 1.0, last_s: float = 20.0, most: int = 5) -> FaultPlan:
    """One to ``most`` faults of orders and user data between two moments; the same for the same seed."""
    rng = Random(f"trading fault plan {seed}")
    names = rng.choices(list(DRAWN_FOR_TRADING), k=rng.randint(1, most))
    return parse_faults(",".join(DRAWN_FOR_TRADING[name](rng, first_s, last_s) for name in names))


def _at(rng: Random, first_s: float, last_s: float) -> str:
    return f"@{round(rng.uniform(first_s, last_s) * 1000)}ms"


def _during(rng: Random, first_s: float, last_s: float, longest_s: float) -> str:
    start_s = rng.uniform(first_s, last_s)
    return f"@{round(start_s * 1000)}ms-{round((start_s + rng.uniform(0.2, longest_s)) * 1000)}ms"


def _word(rng: Random, *words: str) -> str:
    chosen = rng.choice(words)
    return f":{chosen}" if chosen else ""


def _some(name: str) -> Callable[[Random, float, float], str]:
    """Some messages of one connection, or of all, at a time."""

    def draw(rng: Random, first_s: float, last_s: float) -> str:
        return f"{name}={rng.randint(1, 4)}{_word(rng, *_STREAMS)}{_word(rng, 'all', '')}{_at(rng, first_s, last_s)}"

    return draw


def _drop(rng: Random, first_s: float, last_s: float) -> str:
    return f"drop{rng.choice(('', '=all'))}{_at(rng, first_s, last_s)}"


def _drop_at_step(rng: Random, _first_s: float, last_s: float) -> str:
    name = rng.choice(("before_upgrade", "after_upgrade", "frames", "snapshot", "request"))
    if name == "frames":
        return f"drop=frames:{rng.randint(1, 400)}"
    when = f"@#{rng.randint(1, 4)}" if name.endswith("upgrade") else _at(rng, 0.0, last_s)
    return f"drop={name}{when}"


def _delay(rng: Random, first_s: float, last_s: float) -> str:
    return f"delay={rng.randint(50, 900)}ms{_word(rng, 'all', '')}{_during(rng, first_s, last_s, 2.0)}"


def _silent(rng: Random, first_s: float, last_s: float) -> str:
    return f"silent={rng.choice(('depth', 'trade', 'bookTicker'))}{_during(rng, first_s, last_s, 3.0)}"


def _snapshot(name: str, *durations: str) -> Callable[[Random, float, float], str]:
    """The first snapshots, or some later one."""

    def draw(rng: Random, _first_s: float, _last_s: float) -> str:
        value = ":".join(filter(None, (str(rng.randint(1, 2)), rng.choice(durations or ("",)))))
        return f"{name}={value}@#{rng.randint(1, 3)}"

    return draw


def _refusal(name: str) -> Callable[[Random, float, float], str]:
    def draw(rng: Random, _first_s: float, last_s: float) -> str:
        return f"{name}={rng.randint(200, 1000)}ms{_at(rng, 0.0, last_s)}"

    return draw


DRAWN: Final[dict[str, Callable[[Random, float, float], str]]] = {
    "drop": _drop,
    "drop_at_step": _drop_at_step,
    "cut": lambda rng, first_s, last_s: f"cut{_at(rng, first_s, last_s)}",
    "lose": _some("lose"),
    "duplicate": _some("duplicate"),
    "reorder": _some("reorder"),
    "corrupt": _some("corrupt"),
    "delay": _delay,
    "gap": lambda rng, first_s, last_s: f"gap=1{_word(rng, 'all', '')}{_at(rng, first_s, last_s)}",
    "silent": _silent,
    "stale_snapshot": _snapshot("stale_snapshot", "1s", "3s"),
    "slow_snapshot": _snapshot("slow_snapshot", "300ms", "900ms"),
    "straddle": lambda _rng, _first_s, _last_s: "straddle",
    "no_straddle": lambda _rng, _first_s, _last_s: "no_straddle",
    "no_pong": lambda _rng, _first_s, _last_s: "no_pong",
    "ping_storm": lambda rng, first_s, last_s: f"ping_storm={rng.randint(20, 300)}{_at(rng, first_s, last_s)}",
    "too_many": _refusal("too_many"),
    "banned": _refusal("banned"),
    "server_error": lambda rng, _first_s, last_s: f"server_error={rng.randint(1, 3)}{_at(rng, 0.0, last_s)}",
    "shutdown": lambda rng, first_s, last_s: f"shutdown={rng.randint(500, 4000)}ms{_at(rng, first_s, last_s)}",
    "lifetime": lambda rng, _first_s, _last_s: f"lifetime={rng.randint(6, 15)}s",
}
"""Every fault that a plan may draw, and how its text is drawn."""


def _of_calls(name: str, *words: str) -> Callable[[Random, float, float], str]:
    """Some order calls, from a moment on."""

    def draw(rng: Random, first_s: float, last_s: float) -> str:
        value = ":".join(filter(None, (str(rng.randint(1, 2)), rng.choice(("place", "cancel", "")), rng.choice(words or ("",)))))
        return f"{name}={value}{_at(rng, first_s, last_s)}"

    return draw


def _of_user_data(name: str, *words: str) -> Callable[[Random, float, float], str]:
    """User data events for a while."""

    def draw(rng: Random, first_s: float, last_s: float) -> str:
        value = ":".join(filter(None, ("user", rng.choice(words or ("",)))))
        return f"{name}={value}{_during(rng, first_s, last_s, 3.0)}"

    return draw


DRAWN_FOR_TRADING: Final[dict[str, Callable[[Random, float, float], str]]] = {
    "request_lost": _of_calls("request_lost"),
    "reply_lost": _of_calls("reply_lost"),
    "filled_reply_lost": lambda rng, first_s, last_s: f"filled_reply_lost{_at(rng, first_s, last_s)}",
    "reply_withheld": _of_calls("reply_withheld"),
    "error_executed": _of_calls("error_executed", "500", "503"),
    "error_unexecuted": _of_calls("error_unexecuted", "500", "503"),
    "slow_reply": _of_calls("slow_reply", "900ms", "3s", "11s"),
    "cancel_races_fill": lambda rng, first_s, last_s: f"cancel_races_fill{_at(rng, first_s, last_s)}",
    "event_first": _of_calls("event_first", "50ms", "700ms"),
    "fill_away": lambda rng, first_s, last_s: f"fill_away{_at(rng, first_s, last_s)}",
    "outside_window": lambda rng, first_s, last_s: f"outside_window{_at(rng, first_s, last_s)}",
    "silent": _of_user_data("silent"),
    "duplicate": _of_user_data("duplicate"),
    "reorder": _of_user_data("reorder"),
    "delay": _of_user_data("delay", "200ms", "900ms"),
    "drop": _drop,
    "too_many": _refusal("too_many"),
    "banned": _refusal("banned"),
}
"""What orders may meet, and how the text of it is drawn."""
