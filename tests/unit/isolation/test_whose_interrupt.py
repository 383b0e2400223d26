"""Whose a KeyboardInterrupt is: a plugin's while the user has not insisted, the user's when he has or when nobody can tell."""

import json
import signal
import threading
from typing import Any

import pytest

from flashcrash_core.detection.fault_text import Misbehaviour, explain
from flashcrash_core.detection.interrupts import attended, let_interrupt_pass
from flashcrash_core.runtime.interruption import Interruption

from .conftest import Play
from .stand_in import built_as, interrupt


def test_without_a_runner_it_is_the_users() -> None:
    """Nobody can tell there, so it passes; other exceptions are always a plugin's."""
    with pytest.raises(KeyboardInterrupt):
        let_interrupt_pass(KeyboardInterrupt())
    let_interrupt_pass(SystemExit(3))


def test_a_runner_tells_them_apart() -> None:
    """One signal ends the run in order and excuses nobody; the second raises, and that one passes every guard."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    interruption = Interruption()
    with interruption.watched():
        let_interrupt_pass(KeyboardInterrupt())
        signal.raise_signal(signal.SIGTERM)
        assert interruption.signal == signal.SIGTERM
        let_interrupt_pass(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt) as caught:
            signal.raise_signal(signal.SIGINT)
        assert caught.value.args == (signal.SIGINT,)
        with pytest.raises(KeyboardInterrupt):
            let_interrupt_pass(caught.value)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    with pytest.raises(KeyboardInterrupt):
        let_interrupt_pass(KeyboardInterrupt())


def test_in_another_thread_it_can_only_be_a_plugins(play: Play) -> None:
    """Signals reach the main thread only: a strategy that raises it elsewhere is contained like any other."""
    played: list[Any] = []
    answer: list[BaseException] = []

    def work() -> None:
        try:
            with Interruption().watched():
                let_interrupt_pass(KeyboardInterrupt())
        except BaseException as error:
            answer.append(error)

    def run() -> None:
        played[0].outcome = played[0].runner.run(played[0].composition.source)

    played.append(play(run=False, scorers=built_as(score=lambda inner, context: interrupt())))
    played[0].runner.sink._store = played[0].runner._store = None  # its connection belongs to this thread
    for target in (work, run):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join(60)
        assert not thread.is_alive()
    assert answer == []
    assert played[0].outcome.status == "done"
    assert {fault["kind"] for fault in played[0].session.faults} == {"raised"}


def test_two_runs_do_not_answer_for_one_another() -> None:
    """What one run says of its user is not heard in another thread."""
    heard: list[bool] = []

    def elsewhere() -> None:
        try:
            let_interrupt_pass(KeyboardInterrupt())
        except KeyboardInterrupt:
            heard.append(True)

    with attended(lambda: False):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert heard == [True]


def test_the_place_of_a_fault_is_the_plugins_own_line() -> None:
    """Not the library's in which it was noticed; of a wrong answer, the method that gave it; of a journal's word, the word."""
    with pytest.raises(ValueError, match="Expecting value") as caught:
        json.loads("x")
    line = test_the_place_of_a_fault_is_the_plugins_own_line.__code__.co_firstlineno + 3
    kind, message = explain(caught.value)
    assert kind == "raised"
    assert message.endswith(f" (test_whose_interrupt.py:{line})")

    class Plugin:
        def decide(self) -> None:
            """Gives None."""

    defined = Plugin.decide.__code__.co_firstlineno
    fault = Misbehaviour("wrong_type", "returned None")
    assert explain(fault, Plugin(), "decide") == ("wrong_type", f"returned None (test_whose_interrupt.py:{defined})")
    assert explain(Misbehaviour("overrun", "took 3 ms (x.py:1)", told=True), Plugin(), "decide") == (
        "overrun",
        "took 3 ms (x.py:1)",
    )
