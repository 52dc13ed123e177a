"""Grid Engine's words: commands that we give, answers recorded from 8.1.9."""

from __future__ import annotations

import pytest

from megatest.executors.call import Reply
from megatest.executors.gridengine import GridEngine
from megatest.executors.queue import ArrayJob, BatchSystem, Ref, Standing
from megatest.executors.setting import BatchSettings
from megatest.model.job import Resources

_SGE = GridEngine(settings=BatchSettings(), user="root")
_ROW = """\
<job_list state="{kind}"><JB_job_number>{number}</JB_job_number><JAT_prio>0.50000</JAT_prio>
<JB_name>{name}</JB_name><JB_owner>root</JB_owner><state>{state}</state>
<queue_name>{queue}</queue_name><slots>1</slots>{tasks}</job_list>
"""
_RECORDED_BLOCK = """\
==============================================================
qname        main.q
hostname     vm
owner        root
jobname      mt-1
jobnumber    1
taskid       {task}
qsub_time    Sun Nov 22 10:02:34 2026
failed       {failed}
exit_status  {status}
ru_wallclock 0s
ru_maxrss    4.352KB
cpu          0.006s
"""


def _xml(*rows: str) -> str:
    return f"<?xml version='1.0'?>\n<job_info><queue_info>{''.join(rows)}</queue_info></job_info>\n"


def _row(number: int, state: str, *, name: str = "mt-1", task: str = "", queue: str = "") -> str:
    tasks = f"<tasks>{task}</tasks>" if task else ""
    return _ROW.format(kind="any", number=number, name=name, state=state, queue=queue, tasks=tasks)


def test_it_satisfies_what_the_batch_executor_asks() -> None:
    system: BatchSystem = _SGE
    assert not system.can_signal


def test_an_array_is_one_qsub_without_any_shell_in_between() -> None:
    array = ArrayJob(name="mt-1", count=3, script="/s/it's.sh", out="/s/o", directory="/s")
    words = _SGE.submit(array).argv
    assert words[:6] == ("qsub", "-terse", "-N", "mt-1", "-t", "1-3")
    assert words[-6:] == ("-shell", "n", "-b", "y", "/bin/sh", "/s/it's.sh")


def test_wishes_become_complexes_memory_by_the_slot() -> None:
    settings = BatchSettings(parallel_environment="make", memory_resource="h_vmem", queue="a.q", account="p")
    wishes = Resources(cpus=4, memory_mib=1001, gpus=2, walltime_s=90.5, extra=(("arch", "lx"),))
    array = ArrayJob(name="mt-1", count=1, script="/s", out="/o", directory="/d", resources=wishes)
    text = " ".join(GridEngine(settings=settings, user="u").submit(array).argv)
    assert "-pe make 4 -l h_vmem=251M -l gpu=2 -l h_rt=91 -l arch=lx -q a.q -P p" in text


@pytest.mark.parametrize(
    ("out", "job_id"), [("1.1-6:1\n", "1"), ("12\n", "12"), ("", ""), ("warning\n3\n", "3")]
)
def test_the_job_id_is_read(out: str, job_id: str) -> None:
    assert _SGE.submitted_id(Reply(code=0, out=out)) == job_id


@pytest.mark.parametrize(
    ("complaint", "refusal"),
    [
        ('Unable to run job: Job was rejected because job requests unknown queue "nope".\nExiting.', True),
        ('Unable to run job: denied: "1bad" is not a valid object name (cannot start with a digit).', True),
        ('Unable to run job: unknown resource "nonsense".', True),
        ("error: commlib error: got select error (Connection refused)\nUnable to run job: denied", False),
        ("error: unable to send message to qmaster using port 6444 on host vm: got send error", False),
    ],
)
def test_a_wrong_request_is_told_from_a_qmaster_that_is_away(complaint: str, refusal: bool) -> None:
    assert _SGE.is_refusal(Reply(code=1, err=complaint)) is refusal


def test_a_recorded_list_is_read() -> None:
    rows = _SGE.rows(
        _xml(
            _row(1, "r", task="5", queue="main.q@vm"),
            _row(1, "qw", task="6"),
            _row(2, "hqw", name="mt-2"),
            _row(3, "Eqw", name="mt-3"),
            _row(4, "dr", name="mt-4", queue="main.q@vm"),
        )
    )
    assert [(row.ref.name, row.ref.index, row.standing) for row in rows] == [
        ("mt-1", 5, Standing.RUNNING),
        ("mt-1", 6, Standing.PENDING),
        ("mt-2", 1, Standing.PENDING),
        ("mt-3", 1, Standing.PENDING),
        ("mt-4", 1, Standing.RUNNING),
    ]
    assert rows[0].host == "vm"
    assert "`qrls 2` lets it go" in rows[2].reason
    assert "`qstat -j 3` says why" in rows[3].reason


@pytest.mark.parametrize("text", ["", "error: commlib", "<job_info>", "<job_info/>"])
def test_a_list_that_is_no_list_has_no_rows(text: str) -> None:
    assert _SGE.rows(text) == []


def test_an_end_is_asked_for_by_array_one_a_turn() -> None:
    refs = [Ref(name="mt-1", index=1, job_id="1"), Ref(name="mt-2", index=1, job_id="2")]
    asked = [_SGE.enquire(refs, turn) for turn in range(3)]
    assert [enquiry.command.argv for enquiry in asked] == [
        ("qacct", "-j", n) for n in ("mt-1", "mt-2", "mt-1")
    ]
    assert asked[0].refs == refs[:1]


@pytest.mark.parametrize(
    ("complaint", "answer"),
    [
        ("error: job id 999 not found", True),
        ("error: job name mt-1 not found", True),
        ("/root/default/common/accounting: No such file or directory", True),
        ("error: commlib error: can't connect", False),
    ],
)
def test_not_found_is_an_answer(complaint: str, answer: bool) -> None:
    assert _SGE.is_answer(Reply(code=1, err=complaint)) is answer


@pytest.mark.parametrize(
    ("failed", "status", "code", "signal", "reason"),
    [
        ("0", "0", 0, None, ""),
        ("0", "7                   ", 7, None, ""),
        ("100 : assumedly after job", "143                  (Terminated)", None, 15, ""),
        ("100 : assumedly after job", "137                  (Killed)", None, 9, ""),
        (
            "37  : qmaster enforced h_rt limit",
            "137",
            None,
            9,
            "Grid Engine: qmaster enforced h_rt limit (failed 37)",
        ),
        (
            "26  : opening input/output file",
            "0",
            None,
            None,
            "Grid Engine: opening input/output file (failed 26)",
        ),
    ],
)
def test_recorded_accounts_are_read(
    failed: str, status: str, code: int | None, signal: int | None, reason: str
) -> None:
    text = _RECORDED_BLOCK.format(task="3", failed=failed, status=status)
    [word] = _SGE.final_words(text)
    assert (word.ref.name, word.ref.index, word.ref.job_id) == ("mt-1", 3, "1")
    assert (word.code, word.signal, word.reason) == (code, signal, reason)
    assert word.host == "vm"
    assert word.cpu_s == 0.006
    assert word.max_rss_kib == 4


def test_all_blocks_are_read_and_a_job_without_tasks_is_its_own_first() -> None:
    text = "".join(
        _RECORDED_BLOCK.format(task=task, failed="0", status="0") for task in ("1", "2", "undefined")
    )
    assert [word.ref.index for word in _SGE.final_words(text)] == [1, 2, 1]
    assert _SGE.final_words("nonsense\n") == []


def test_tasks_are_ended_by_job_and_index() -> None:
    refs = [
        Ref(name="a", index=2, job_id="7"),
        Ref(name="b", index=1, job_id="8"),
        Ref(name="a", index=3, job_id="7"),
    ]
    commands = _SGE.end(refs, force=True)
    assert [command.argv for command in commands] == [("qdel", "7.2", "7.3"), ("qdel", "8.1")]
