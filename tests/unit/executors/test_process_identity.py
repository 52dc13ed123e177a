"""Which process a journal means, where it says its pid and when it wrote, not when it began."""

from __future__ import annotations

import os
import subprocess
import time

from megatest.executors.process import Marks, find, is_alive, look_up, start_before


def test_the_process_that_has_the_pid_and_began_before_is_the_one() -> None:
    me = look_up(os.getpid())
    assert me is not None
    now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert start_before(os.getpid(), now_s) == me.started
    assert is_alive(os.getpid(), start_before(os.getpid(), now_s), "")


def test_a_process_that_began_later_has_only_taken_over_the_pid() -> None:
    me = look_up(os.getpid())
    assert me is not None
    earlier_s = me.started / os.sysconf("SC_CLK_TCK") - 1
    assert not is_alive(os.getpid(), start_before(os.getpid(), earlier_s), "")


def test_a_process_that_began_within_the_tick_of_its_first_record_is_the_one() -> None:
    me = look_up(os.getpid())
    assert me is not None
    same_tick_s = me.started / os.sysconf("SC_CLK_TCK")
    assert start_before(os.getpid(), same_tick_s) == me.started


def test_without_a_time_the_pid_must_do() -> None:
    assert start_before(os.getpid(), 0) == 0


def test_a_process_with_the_pid_of_a_job_that_was_collected_is_none_of_its_session() -> None:
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        alive = find([Marks(job="a", session=other.pid)])
        assert [p.pid for p in alive["a"]] == [other.pid]
        assert find([Marks(job="a", session=other.pid, is_over=True)]) == {}
    finally:
        other.kill()
        other.wait()


def test_a_pid_that_nobody_has_is_gone() -> None:
    nobody = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(nobody, 0)
    assert start_before(nobody, time.clock_gettime(time.CLOCK_BOOTTIME)) == -1
