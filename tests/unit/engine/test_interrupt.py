"""What signals tell the loop: real signals to this process."""

from __future__ import annotations

import signal

import pytest

from megatest.engine.interrupt import Interrupts, Level


def test_each_ctrl_c_is_more_urgent_and_the_last_leaves_the_tests_alone() -> None:
    with Interrupts() as interrupts:
        heard = []
        for _ in range(5):
            signal.raise_signal(signal.SIGINT)
            heard.append(interrupts.level)
    assert heard == [Level.DRAIN, Level.KILL, Level.NOW, Level.LEAVE, Level.LEAVE]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_being_told_to_end_leaves_the_tests_alone_at_once(number: signal.Signals) -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(number)
        assert interrupts.level is Level.LEAVE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_the_caller_ignores_stays_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(number)
            assert interrupts.level is Level.NONE
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_handlers_are_those_of_before_again() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
