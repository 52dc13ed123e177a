"""The batch executor against a fake queue, on a fake clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fakes.batch_system import FakeBatchSystem, FakeClock, FakeQueue, word
from megatest.engine.ports import Executor
from megatest.executors.batch import BatchExecutor
from megatest.executors.queue import FinalWord
from megatest.executors.setting import BatchSettings
from megatest.model.attempt import Ended, Started
from megatest.model.job import ChangeKind, Job, JobChange, Resources

_SETTINGS = BatchSettings(patience_s=60)


class Bench:
    """An executor over a fake queue, with journals in memory."""

    def __init__(self, spool: Path) -> None:
        self.clock = FakeClock()
        self.queue = FakeQueue(clock=self.clock)
        self.journals: dict[str, tuple[Started | None, Ended | None]] = {}
        self.spool = spool
        self.news: list[JobChange] = []
        self.executor = self.another()

    def another(self, settings: BatchSettings = _SETTINGS, array_size: int = 1000) -> BatchExecutor:
        """Return a further executor over the same queue: a new engine."""
        self.executor = BatchExecutor(
            system=FakeBatchSystem(self.queue, array_size=array_size),
            settings=settings,
            spool=str(self.spool),
            glance=lambda run_dir: self.journals.get(run_dir, (None, None)),
            start=self.queue.start,
            clock=self.clock,
        )
        return self.executor

    def submit(self, count: int = 1) -> list[Job]:
        """Submit jobs; return them."""
        jobs = [_job(row) for row in range(1, count + 1)]
        assert [answer.error for answer in self.executor.submit(jobs)] == [""] * count
        return jobs

    def pass_time(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Poll when due until so much time has passed."""
        end = self.clock.now + seconds
        idle = 0
        while self.clock.now < end:
            due_s = self.executor.next_poll_s()
            idle = idle + 1 if due_s == 0 else 0
            assert idle < 100, "the engine would spin"
            self.clock.now = min(end, self.clock.now + max(0.01, 1e9 if due_s is None else due_s))
            each()
            self.poll()

    def poll(self) -> None:
        """Poll until every command that answers at once has been heard."""
        calls = -1
        while calls != len(self.queue.calls):
            calls = len(self.queue.calls)
            self.news += self.executor.poll()

    def begin(self, job: Job) -> None:
        """Write a journal's first line."""
        self.journals[job.run_dir] = (Started(attempt=1, pid=0), None)

    def record(self, job: Job, code: int) -> None:
        """Write a journal's exit record."""
        self.journals[job.run_dir] = (Started(attempt=1, pid=0), Ended(code=code))

    def last(self, job: Job) -> JobChange:
        """Return the latest news of a job."""
        return [change for change in self.news if change.row == job.row][-1]

    def kinds(self) -> list[ChangeKind]:
        """Return the kinds of all news."""
        return [change.kind for change in self.news]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "spool")


def _job(row: int, *, name: str = "", resources: Resources = Resources()) -> Job:  # noqa: B008
    run_dir = f"/runs/{row}"
    return Job(
        row=row,
        attempt=1,
        name=name or f"area.{row}",
        run_dir=run_dir,
        script=f"{run_dir}/.megatest/job.sh",
        log=f"{run_dir}/log",
        resources=resources,
    )


def _ids(answers: Sequence[object]) -> list[str]:
    return [str(getattr(answer, "handle", "")) for answer in answers]


def test_it_satisfies_the_port(bench: Bench) -> None:
    executor: Executor = bench.executor
    assert executor.name == "fake"


def test_many_jobs_are_one_array_and_one_command(bench: Bench) -> None:
    bench.submit(300)
    assert bench.queue.count("put") == 1
    assert len(bench.queue.tasks) == 300


def test_jobs_with_different_wishes_and_too_many_of_them_are_arrays_of_their_own(bench: Bench) -> None:
    executor = bench.another(array_size=2)
    small = [_job(row) for row in (1, 2, 3)]
    big = [_job(row, resources=Resources(cpus=8)) for row in (4,)]
    executor.submit(small + big)
    assert bench.queue.count("put") == 3


def test_a_handle_names_the_job_the_task_and_the_array(bench: Bench) -> None:
    jobs = [_job(1), _job(2)]
    first, second = _ids(bench.executor.submit(jobs))
    assert first.startswith("fake:101_1/mt-")
    assert second == first.replace("_1/", "_2/")


def test_the_life_of_a_job_is_told_once_each(bench: Bench) -> None:
    [job] = bench.submit()
    [task] = bench.queue.array()
    bench.pass_time(1)
    bench.queue.run(task)
    bench.pass_time(20)
    bench.record(job, 3)
    bench.queue.finish(task)
    bench.pass_time(20)
    assert bench.kinds() == [ChangeKind.PENDING, ChangeKind.STARTED, ChangeKind.ENDED]
    assert bench.news[0].reason == "Priority"
    assert bench.last(job).code == 3
    assert bench.queue.count("ask") == 0
    assert bench.executor.next_poll_s() is None
    assert not list(bench.spool.iterdir())


def test_a_changed_reason_is_news(bench: Bench) -> None:
    bench.submit()
    bench.pass_time(5)
    bench.queue.array()[0].reason = "JobHeldUser"
    bench.pass_time(30)
    assert [change.reason for change in bench.news] == ["Priority", "JobHeldUser"]


@pytest.mark.parametrize("failures", [1, 10, 100])
def test_lists_that_fail_lose_nothing(bench: Bench, failures: int) -> None:
    [job] = bench.submit()
    bench.queue.list_fails = failures
    [task] = bench.queue.array()
    bench.queue.run(task)
    bench.pass_time(90 * failures)
    assert bench.queue.list_fails == 0
    assert ChangeKind.LOST not in bench.kinds()
    assert bench.last(job).kind is ChangeKind.STARTED


def test_lists_that_fail_are_asked_for_ever_more_seldom_and_the_user_is_told(bench: Bench) -> None:
    [job] = bench.submit()
    bench.queue.list_fails = 1000
    bench.pass_time(600)
    assert bench.queue.count("list") < 20
    assert "no controller" in bench.executor.trouble
    assert "times in a row" in bench.executor.trouble
    assert "no controller" in bench.last(job).reason
    bench.queue.list_fails = 0
    bench.pass_time(120)
    assert bench.executor.trouble == ""


def test_a_list_that_hangs_does_not_hold_up_poll_and_is_given_up(bench: Bench) -> None:
    [job] = bench.submit()
    bench.queue.list_hangs = 1
    bench.queue.run(bench.queue.array()[0])
    bench.pass_time(30)
    assert bench.queue.count("list") == 1
    bench.pass_time(60)
    assert bench.queue.count("list") > 1
    assert bench.last(job).kind is ChangeKind.STARTED


def test_a_lost_reply_is_made_good_by_name_and_nothing_is_submitted_twice(bench: Bench) -> None:
    bench.queue.submit = "reply lost"
    [job] = bench.submit()
    assert bench.queue.count("put") == 1
    bench.queue.submit = "well"
    bench.queue.run(bench.queue.array()[0])
    bench.pass_time(300)
    assert bench.queue.count("put") == 1
    assert bench.last(job).kind is ChangeKind.STARTED


def test_a_submission_that_nobody_took_is_made_again_once(bench: Bench) -> None:
    bench.queue.submit = "away"
    [job] = bench.submit()
    bench.pass_time(5)
    assert bench.last(job).kind is ChangeKind.PENDING
    assert "unable to contact" in bench.last(job).reason
    bench.queue.submit = "well"
    bench.pass_time(300)
    assert bench.queue.count("put") == 2
    assert len(bench.queue.array()) == 1


def test_a_submission_without_a_reply_whose_jobs_already_ended_is_not_made_again(bench: Bench) -> None:
    bench.queue.submit = "reply lost"
    [job] = bench.submit()
    bench.record(job, 0)
    bench.queue.finish(bench.queue.array()[0])
    bench.queue.submit = "well"
    bench.pass_time(300)
    assert bench.queue.count("put") == 1
    assert bench.last(job).kind is ChangeKind.ENDED


def test_a_failing_list_is_no_reason_to_submit_again(bench: Bench) -> None:
    bench.queue.submit = "reply lost"
    bench.submit()
    bench.queue.submit = "well"
    bench.queue.list_fails = 50
    bench.pass_time(600)
    assert bench.queue.count("put") == 1


def test_a_refusal_is_an_answer_and_leaves_nothing(bench: Bench) -> None:
    bench.queue.submit = "refused"
    [answer] = bench.executor.submit([_job(1)])
    assert "invalid queue" in answer.error
    assert bench.executor.next_poll_s() is None
    assert not list(bench.spool.iterdir())


def test_a_refusal_that_comes_late_ends_the_jobs_with_its_reason(bench: Bench) -> None:
    bench.queue.submit = "away"
    [job] = bench.submit()
    bench.queue.submit = "refused"
    bench.pass_time(120)
    assert bench.last(job).kind is ChangeKind.ENDED
    assert "invalid queue" in bench.last(job).reason


def test_a_spool_that_cannot_be_written_is_an_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bench = Bench(tmp_path / "file" / "spool")
    [answer] = bench.executor.submit([_job(1)])
    assert "cannot write" in answer.error


def test_a_name_that_no_shell_word_can_be_is_refused(bench: Bench) -> None:
    [answer] = bench.executor.submit([_job(1, name="two words")])
    assert "plain characters" in answer.error


def test_a_requeued_job_is_pending_again_and_not_lost(bench: Bench) -> None:
    [job] = bench.submit()
    [task] = bench.queue.array()
    bench.queue.run(task)
    bench.pass_time(5)
    bench.queue.finish(task)
    bench.pass_time(5)
    bench.queue.tasks[task.ref.key].standing = bench.queue.array()[0].standing
    again = bench.queue.array()[0]
    bench.queue.run(again)
    bench.pass_time(200)
    assert ChangeKind.LOST not in bench.kinds()
    bench.record(job, 0)
    bench.queue.finish(again)
    bench.pass_time(30)
    assert bench.last(job).kind is ChangeKind.ENDED


def test_a_job_id_that_went_to_another_job_does_not_fool_us(bench: Bench) -> None:
    [job] = bench.submit()
    [task] = bench.queue.array()
    bench.queue.run(task)
    bench.pass_time(5)
    foreign = replace(task.ref, name="somebody-elses")
    bench.queue.tasks.clear()
    bench.queue.tasks[foreign.key] = replace(task, ref=foreign)
    bench.pass_time(300)
    assert bench.last(job).kind is ChangeKind.LOST


def test_what_the_accounting_says_late_is_still_believed(bench: Bench) -> None:
    [job] = bench.submit()
    [task] = bench.queue.array()
    bench.queue.run(task)
    bench.pass_time(5)
    bench.queue.finish(task)
    bench.pass_time(40)
    assert bench.last(job).kind is ChangeKind.STARTED
    task.word = word(task, signal=9, reason="out of memory")
    bench.pass_time(40)
    assert bench.last(job).kind is ChangeKind.ENDED
    assert bench.last(job).signal == 9
    assert bench.last(job).reason == "out of memory"


def test_what_nobody_knows_is_lost_after_patience_and_not_before(bench: Bench) -> None:
    [job] = bench.submit()
    [task] = bench.queue.array()
    bench.queue.run(task)
    bench.pass_time(5)
    bench.queue.finish(task)
    bench.pass_time(50)
    assert bench.last(job).kind is ChangeKind.STARTED
    bench.pass_time(50)
    assert bench.last(job).kind is ChangeKind.LOST
    assert "neither the queue nor the accounting" in bench.last(job).reason


def test_an_accounting_that_fails_loses_nothing(bench: Bench) -> None:
    [job] = bench.submit()
    [task] = bench.queue.array()
    bench.queue.run(task)
    bench.pass_time(5)
    bench.queue.enquiry_fails = 10**6
    bench.queue.finish(task)
    bench.pass_time(3600)
    assert bench.last(job).kind is ChangeKind.STARTED
    bench.queue.enquiry_fails = 0
    task.word = word(task, code=0)
    bench.pass_time(120)
    assert bench.last(job).code == 0


def test_a_code_from_a_signal_makes_us_ask_for_the_reason(bench: Bench) -> None:
    [job] = bench.submit()
    [task] = bench.queue.array()
    bench.queue.run(task)
    bench.pass_time(5)
    bench.record(job, 143)
    bench.queue.finish(task, word(task, signal=15, reason="time limit"))
    bench.pass_time(20)
    assert bench.last(job).code == 143
    assert bench.last(job).reason == "time limit"


def test_a_list_that_is_older_than_the_job_does_not_miss_it(bench: Bench) -> None:
    bench.submit()
    bench.queue.list_hangs = 1
    bench.pass_time(1)
    assert bench.queue.count("list") == 1
    late = _job(99)
    bench.executor.submit([late])
    stale = [task for task in bench.queue.tasks.values() if task.ref.name != bench.queue.array()[0].ref.name]
    for task in stale:
        del bench.queue.tasks[task.ref.key]
    bench.pass_time(59)  # the hanging list is given up; no other list was taken meanwhile
    for task in stale:
        bench.queue.tasks[task.ref.key] = task
    bench.pass_time(30)
    assert ChangeKind.LOST not in bench.kinds()


def test_a_busy_queue_is_asked_once_a_second_in_the_long_run(bench: Bench) -> None:
    jobs = bench.submit(1000)
    tasks = iter(zip(jobs, bench.queue.array(), strict=True))

    def one_more_ends() -> None:
        job, task = next(tasks)
        bench.record(job, 0)
        bench.queue.finish(task)

    bench.pass_time(120, one_more_ends)
    assert bench.queue.count("list") <= 120 + 15
    assert bench.executor.queries == bench.queue.count("list")


def test_a_quiet_queue_is_asked_every_ten_seconds(bench: Bench) -> None:
    bench.submit()
    bench.queue.run(bench.queue.array()[0])
    bench.pass_time(60)
    before = bench.queue.count("list")
    bench.pass_time(1000)
    assert 95 <= bench.queue.count("list") - before <= 105


def test_change_brings_the_pace_back(bench: Bench) -> None:
    bench.submit(2)
    first, second = bench.queue.array()
    bench.queue.run(first)
    bench.pass_time(300)
    bench.queue.run(second)
    bench.pass_time(10)
    times = [at for program, at in bench.queue.calls if program == "list"]
    bench.pass_time(1)
    later = [at for program, at in bench.queue.calls if program == "list" and at > times[-1]]
    assert min(b - a for a, b in zip(times[-3:] + later, times[-2:] + later, strict=False)) < 1


def test_cancel_sends_term_and_after_the_grace_force(bench: Bench) -> None:
    [job] = bench.submit()
    bench.queue.run(bench.queue.array()[0])
    bench.pass_time(5)
    bench.executor.cancel([job.row], 30)
    bench.pass_time(20)
    assert bench.queue.count("end") == 1
    bench.pass_time(60)
    assert bench.queue.count("end") == 2
    assert bench.last(job).kind is ChangeKind.ENDED


def test_a_second_cancel_shortens_the_grace(bench: Bench) -> None:
    [job] = bench.submit()
    bench.queue.run(bench.queue.array()[0])
    bench.pass_time(5)
    bench.executor.cancel([job.row], 1000)
    bench.executor.cancel([job.row], 5)
    bench.executor.cancel([job.row], 2000)
    bench.pass_time(40)
    assert bench.last(job).kind is ChangeKind.ENDED


def test_a_cancelled_array_that_was_never_taken_ends_without_being_submitted(bench: Bench) -> None:
    bench.queue.submit = "away"
    jobs = bench.submit(2)
    bench.executor.cancel([job.row for job in jobs], 5)
    bench.pass_time(60)
    assert [bench.last(job).kind for job in jobs] == [ChangeKind.ENDED] * 2
    assert bench.queue.count("put") == 1


def test_a_cancelled_job_whose_acceptance_is_unknown_is_found_and_ended(bench: Bench) -> None:
    bench.queue.submit = "reply lost"
    [job] = bench.submit()
    bench.executor.cancel([job.row], 5)
    bench.pass_time(60)
    assert bench.last(job).kind is ChangeKind.ENDED
    assert bench.queue.array()[0].standing is None


def test_a_new_engine_finds_jobs_by_handle(bench: Bench) -> None:
    jobs = [_job(1), _job(2)]
    handles = _ids(bench.executor.submit(jobs))
    first, second = bench.queue.array()
    bench.queue.run(first)
    bench.queue.finish(second, word(second, code=5))
    changes = bench.another().adopt(list(zip(jobs, handles, strict=True)))
    assert [change.kind for change in changes] == [ChangeKind.STARTED, ChangeKind.ENDED]
    assert changes[1].code == 5


def test_a_new_engine_without_handles_finds_jobs_by_the_array_script(bench: Bench) -> None:
    jobs = bench.submit(3)
    bench.queue.run(bench.queue.array()[1])
    changes = bench.another().adopt([(job, "") for job in jobs])
    assert [change.kind for change in changes] == [ChangeKind.PENDING, ChangeKind.STARTED, ChangeKind.PENDING]


def test_an_array_script_stays_as_long_as_the_queue_has_tasks_of_it(bench: Bench) -> None:
    jobs = bench.submit(3)
    first, second, third = bench.queue.array()
    bench.record(jobs[0], 0)
    bench.queue.finish(first)
    bench.another()
    assert bench.executor.adopt([(jobs[0], "")])[0].kind is ChangeKind.ENDED
    assert len(list(bench.spool.iterdir())) == 1
    bench.executor.adopt([(jobs[1], "")])
    bench.record(jobs[1], 0)
    bench.queue.finish(second)
    bench.pass_time(30)
    assert len(list(bench.spool.iterdir())) == 1
    bench.executor.adopt([(jobs[2], "")])
    bench.queue.finish(third, word(third, code=1))
    bench.pass_time(30)
    assert bench.last(jobs[2]).code == 1


def test_a_cancel_that_cannot_go_out_yet_does_not_make_the_engine_spin(bench: Bench) -> None:
    bench.queue.submit = "away"
    first, second = bench.submit(2)
    bench.executor.cancel([first.row], 0)
    bench.pass_time(5)
    bench.queue.submit = "well"
    bench.pass_time(60)
    assert bench.last(first).kind is ChangeKind.ENDED
    assert bench.last(second).kind is ChangeKind.PENDING


def test_a_new_engine_that_submits_the_same_job_finds_it(bench: Bench) -> None:
    [job] = bench.submit()
    answers = bench.another().submit([job])
    assert bench.queue.count("put") == 1
    assert _ids(answers)[0].startswith("fake:101_1/")


def test_a_host_that_was_lost_is_no_end_though_the_script_could_still_say_that_it_was_told_to(
    bench: Bench,
) -> None:
    [job] = bench.submit()
    bench.record(job, 143)
    [task] = bench.queue.array()
    bench.queue.finish(task, FinalWord(ref=task.ref, kind=ChangeKind.LOST, reason="it was preempted"))
    bench.pass_time(30)
    assert (bench.last(job).kind, bench.last(job).reason) == (ChangeKind.LOST, "it was preempted")


def test_submitting_asks_for_no_list_where_nothing_is_known_from_before(bench: Bench) -> None:
    bench.submit()
    assert [program for program, _ in bench.queue.calls] == ["put"]


def test_an_end_that_shows_while_a_job_is_taken_up_again_is_told(bench: Bench) -> None:
    earlier, other = bench.submit(2)
    executor = bench.another()
    executor.adopt([(other, "")])
    bench.record(other, 3)
    executor.submit([earlier])
    bench.poll()
    assert (bench.last(other).kind, bench.last(other).code) == (ChangeKind.ENDED, 3)
    assert bench.last(earlier).kind is ChangeKind.PENDING


def test_a_new_engine_submits_what_was_only_about_to_be_submitted(bench: Bench) -> None:
    bench.submit()
    script = next(bench.spool.glob("*.sh"))
    script.rename(script.with_suffix(".kept"))
    bench.queue.tasks.clear()
    [job] = [_job(1)]
    bench.another().submit([job])
    assert bench.queue.count("put") == 2


def test_adoption_while_nobody_answers_loses_nothing(bench: Bench) -> None:
    [job] = bench.submit()
    bench.queue.list_fails = 1
    bench.begin(job)
    [change] = bench.another().adopt([(job, "fake:101_1/" + bench.queue.array()[0].ref.name)])
    assert change.kind is ChangeKind.STARTED
    assert "no controller" in change.reason


def test_a_job_that_was_never_handed_over_is_lost_at_once(bench: Bench) -> None:
    [change] = bench.executor.adopt([(_job(7), "")])
    assert change.kind is ChangeKind.LOST
    assert "never handed" in change.reason


def test_the_limit_of_the_area_is_the_executors_slots(bench: Bench) -> None:
    assert bench.executor.slots is None
    assert bench.another(BatchSettings(slots=50)).slots == 50


def test_an_exit_record_that_the_engine_read_ends_a_job_without_the_queue(bench: Bench) -> None:
    [job] = bench.submit()
    bench.queue.run(bench.queue.array()[0])
    bench.pass_time(100)
    lists = bench.queue.count("list")
    bench.executor.recorded(job.row, 3)
    assert bench.executor.next_poll_s() == 0
    [change] = bench.executor.poll()
    assert (change.kind, change.code) == (ChangeKind.ENDED, 3)
    bench.pass_time(100)  # the queue still has it, and may
    assert bench.queue.count("list") == lists
    assert bench.last(job).kind is not ChangeKind.LOST
    assert bench.executor.next_poll_s() is None


def test_a_record_of_a_signal_waits_for_the_queues_reason(bench: Bench) -> None:
    [job] = bench.submit()
    [task] = bench.queue.array()
    bench.queue.run(task)
    bench.pass_time(100)
    bench.record(job, 143)
    bench.executor.recorded(job.row, 143)
    assert bench.executor.poll() == []
    bench.queue.finish(task, word(task, signal=15, reason="it reached its time limit"))
    bench.pass_time(5)
    assert (bench.last(job).code, bench.last(job).reason) == (143, "it reached its time limit")


def test_a_record_of_a_signal_stands_alone_when_the_queue_says_nothing_for_long(bench: Bench) -> None:
    [job] = bench.submit()
    bench.queue.run(bench.queue.array()[0])
    bench.pass_time(10)
    bench.queue.list_fails = 1000
    bench.record(job, 137)
    bench.executor.recorded(job.row, 137)
    bench.pass_time(_SETTINGS.patience_s - 1)
    assert bench.last(job).kind is ChangeKind.STARTED
    bench.pass_time(2)
    assert (bench.last(job).kind, bench.last(job).code) == (ChangeKind.ENDED, 137)


def test_a_job_id_of_an_old_record_is_not_ended_before_the_queue_has_confirmed_it(bench: Bench) -> None:
    [job] = bench.submit()
    [answer] = bench.executor.submit([job])
    bench.queue.list_fails = 100
    bench.another()
    bench.executor.adopt([(job, answer.handle)])
    bench.executor.cancel([job.row], 0)
    bench.pass_time(5)
    assert bench.queue.count("end") == 0
    bench.queue.list_fails = 0
    bench.pass_time(200)
    assert bench.queue.count("end") > 0
    assert bench.last(job).kind is ChangeKind.ENDED


def test_a_query_that_takes_long_has_a_share_of_the_time_only(bench: Bench) -> None:
    bench.submit()
    bench.queue.list_takes_s = 5
    bench.pass_time(1000)
    assert bench.queue.count("list") <= 1000 / 25 + 10
