"""Slurm's words: commands that we give, answers recorded from Slurm 22.05."""

from __future__ import annotations

import pytest

from megatest.executors.call import Reply
from megatest.executors.queue import ArrayJob, BatchSystem, Ref, Standing
from megatest.executors.setting import BatchSettings
from megatest.executors.slurm import Slurm, slurm_time, unfiltered
from megatest.model.job import ChangeKind, Resources

_SLURM = Slurm(settings=BatchSettings(), user="1000")
_RECORDED_LIST = """\
1_5|mt-1|RUNNING|vm|None
1_6|mt-1|PENDING||Resources
1_7|mt-1|COMPLETING|vm|None
7|mt-2|PENDING||PartitionConfig
8|held|PENDING||JobHeldUser
9|odd|name|PENDING||Priority
12_1|mt-3|CONFIGURING|n[1-2]|None
"""
_RECORDED_ALL_STATES = """\
1_1                                     COMPLETED           0           vm          mt-1
1_2                                     FAILED              1792        vm          mt-1
1_3                                     FAILED              9           vm          mt-1
1_6                                     CANCELLED           15                      mt-1
1_7                                     RUNNING             0           vm          mt-1
1_8                                     PENDING             0                       mt-1
"""
_RECORDED_ACCOUNTS = """\
1_1|COMPLETED|0:0|vm|mt-1
1_2|FAILED|7:0|vm|mt-1
1_3|FAILED|0:9|vm|mt-1
1_4|CANCELLED by 1000|0:15|vm|mt-1
1_5|TIMEOUT|0:0|vm|mt-1
1_6|NODE_FAIL|0:0|vm|mt-1
1_7|OUT_OF_MEMORY|0:125|vm|mt-1
1_8|PREEMPTED|0:0|vm|mt-1
1_9|RUNNING|0:0|vm|mt-1
1_10|CANCELLED by 0|0:0|None assigned|mt-1
1_[11-20]|PENDING|0:0|None assigned|mt-1
"""


def _array(**values: object) -> ArrayJob:
    plain = {"name": "mt-1", "count": 3, "script": "/s/it's.sh", "out": "/s/50%.out", "directory": "/s"}
    return ArrayJob(**(plain | values))  # type: ignore[arg-type] # names and types as in the record


def test_it_satisfies_what_the_batch_executor_asks() -> None:
    system: BatchSystem = _SLURM
    assert system.name == "slurm"


def test_an_array_is_one_sbatch_that_is_never_requeued() -> None:
    words = _SLURM.submit(_array()).argv
    assert words[:4] == ("sbatch", "--parsable", "--job-name=mt-1", "--array=1-3")
    assert "--no-requeue" in words
    assert "--output=/s/50%%.out" in words
    assert words[-1] == "--wrap=exec /bin/sh '/s/it'\\''s.sh'"


def test_wishes_and_settings_become_options_and_the_users_come_last() -> None:
    settings = BatchSettings(queue="long", account="p1", options=("--qos=low",))
    wishes = Resources(
        cpus=4, memory_mib=2048, gpus=1, walltime_s=3661, extra=(("constraint", "a&b"), ("x y", ""))
    )
    words = Slurm(settings=settings, user="u").submit(_array(resources=wishes)).argv
    expected = {
        *("--cpus-per-task=4", "--mem=2048M", "--gpus=1", "--time=01:01:01", "--constraint=a&b"),
        *("--partition=long", "--account=p1"),
    }
    assert expected <= set(words)
    assert words[-2] == "--qos=low"
    assert not any("x y" in word for word in words)


@pytest.mark.parametrize(("seconds", "text"), [(1, "00:00:01"), (59.2, "00:01:00"), (360000, "100:00:00")])
def test_a_time_limit_is_written_whole_and_rounded_up(seconds: float, text: str) -> None:
    assert slurm_time(seconds) == text


@pytest.mark.parametrize(
    ("reply", "job_id"),
    [
        (Reply(code=0, out="1234\n"), "1234"),
        (Reply(code=0, out="1234;cluster\n"), "1234"),
        (Reply(code=0, out="a word from a site's wrapper\n77\n"), "77"),
        (Reply(code=0, out=""), ""),
        (Reply(code=1, out="1234\n"), ""),
        (Reply(code=None, trouble="sbatch gave no answer in 15 s"), ""),
    ],
)
def test_the_job_id_is_read_from_a_good_reply_only(reply: Reply, job_id: str) -> None:
    assert _SLURM.submitted_id(reply) == job_id


@pytest.mark.parametrize(
    ("complaint", "refusal"),
    [
        ("sbatch: error: Batch job submission failed: Invalid partition name specified", True),
        ("sbatch: error: Batch job submission failed: Requested node configuration is not available", True),
        ("sbatch: error: Batch job submission failed: Invalid job array specification", True),
        ("sbatch: unrecognized option '--nonsense'", True),
        (
            "sbatch: error: Batch job submission failed: Invalid account or account/partition combination",
            True,
        ),
        ("sbatch: error: Batch job submission failed: Unable to contact slurm controller", False),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", False),
        ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying.", False),
        ("sbatch: error: Munge encode failed: Invalid authentication credential", False),
        ("sbatch: error: Batch job submission failed: Job violates policy (job submit limit ...)", False),
    ],
)
def test_a_wrong_request_is_told_from_a_controller_that_is_away(complaint: str, refusal: bool) -> None:
    assert _SLURM.is_refusal(Reply(code=1, err=complaint + "\n")) is refusal


def test_the_list_is_one_query_for_all_of_the_users_jobs() -> None:
    words = _SLURM.list_jobs().argv
    assert words[:4] == ("squeue", "--noheader", "--array", "--user=1000")


def test_a_recorded_list_is_read() -> None:
    rows = _SLURM.rows(_RECORDED_LIST)
    assert [(row.ref.job_id, row.ref.index, row.standing) for row in rows] == [
        ("1", 5, Standing.RUNNING),
        ("1", 6, Standing.PENDING),
        ("1", 7, Standing.ENDING),
        ("7", 1, Standing.PENDING),
        ("8", 1, Standing.PENDING),
        ("12", 1, Standing.PENDING),
    ]
    assert rows[0].host == "vm"
    assert rows[0].ref.name == "mt-1"


def test_a_pending_reason_is_a_sentence_where_something_must_be_done() -> None:
    reasons = {row.ref.job_id: row.reason for row in _SLURM.rows(_RECORDED_LIST)}
    assert reasons["1"] == ""  # the last of the array: it is ending
    assert "may wait for ever (PartitionConfig)" in reasons["7"]
    assert "`scontrol release 8` lets it go (JobHeldUser)" in reasons["8"]
    assert _SLURM.rows("1_6|mt-1|PENDING||Resources\n")[0].reason == "Slurm: Resources"


@pytest.mark.parametrize("text", ["", "\n", "nonsense", "|||||", "1_2|x", "slurm_load_jobs error: x|y|z|a|b"])
def test_a_list_that_is_no_list_has_no_rows(text: str) -> None:
    assert _SLURM.rows(text) == []


def test_what_left_the_queue_is_asked_of_the_controller_and_of_the_accounting_in_turn() -> None:
    refs = [Ref(name="mt-1", index=2, job_id="1"), Ref(name="mt-2", index=1, job_id="7")]
    first = _SLURM.enquire(refs, 0)
    second = _SLURM.enquire(refs, 1)
    assert first.refs == second.refs == refs
    assert first.command.argv[0] == "squeue"
    assert {"--states=all", "--name=mt-1,mt-2"} <= set(first.command.argv)
    assert second.command.argv[0] == "sacct"
    assert second.command.argv[-1] == "--jobs=1_2,7_1"


def test_a_job_without_an_id_is_asked_for_by_name() -> None:
    enquiry = _SLURM.enquire([Ref(name="mt-1", index=2)], 1)
    assert enquiry.command.argv[-1] == "--name=mt-1"


def test_without_accounting_only_the_controller_is_asked() -> None:
    system = Slurm(settings=BatchSettings(accounting=False), user="u")
    assert system.enquire([Ref(name="mt-1", index=2, job_id="1")], 1).command.program == "squeue"


def test_an_accounting_that_is_switched_off_is_an_answer_and_one_that_is_away_is_not() -> None:
    assert _SLURM.is_answer(Reply(code=1, err="Slurm accounting storage is disabled\n"))
    assert not _SLURM.is_answer(
        Reply(code=1, err="sacct: error: slurm_persist_conn_open: Connection refused\n")
    )


def test_recorded_final_states_of_the_controller_are_read() -> None:
    words = {word.ref.index: word for word in _SLURM.final_words(_RECORDED_ALL_STATES)}
    assert sorted(words) == [1, 2, 3, 6]
    assert (words[1].code, words[1].signal) == (0, None)
    assert (words[2].code, words[2].signal) == (7, None)
    assert (words[3].code, words[3].signal) == (None, 9)
    assert (words[6].code, words[6].signal, words[6].host) == (None, 15, "")
    assert words[6].reason == "Slurm: it was cancelled (CANCELLED)"


def test_recorded_accounts_are_read() -> None:
    words = {word.ref.index: word for word in _SLURM.final_words(_RECORDED_ACCOUNTS)}
    assert sorted(words) == [1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert (words[1].code, words[2].code, words[3].signal) == (0, 7, 9)
    assert words[4].signal == 15
    assert words[5].reason == "Slurm: it reached its time limit (TIMEOUT)"
    assert (words[5].code, words[5].kind) == (None, ChangeKind.ENDED)
    assert "more memory" in words[7].reason
    assert words[10].host == ""


@pytest.mark.parametrize("index", [6, 8])
def test_an_end_that_says_nothing_about_the_test_is_a_loss(index: int) -> None:
    [word] = [word for word in _SLURM.final_words(_RECORDED_ACCOUNTS) if word.ref.index == index]
    assert word.kind is ChangeKind.LOST
    assert word.reason.startswith("Slurm: ")


def test_an_end_never_counts_as_success_unless_slurm_says_completed() -> None:
    words = _SLURM.final_words(_RECORDED_ACCOUNTS)
    assert [word.ref.index for word in words if word.code == 0] == [1]


def test_jobs_are_ended_in_batches_and_pending_ones_outright() -> None:
    refs = [Ref(name="mt-1", index=n, job_id="1") for n in range(1, 451)]
    soft = _SLURM.end(refs, force=False)
    hard = _SLURM.end(refs, force=True)
    assert len(soft) == len(hard) == 6
    assert soft[0].argv[:3] == ("scancel", "--quiet", "--state=PENDING")
    assert {"--state=RUNNING", "--signal=TERM", "--full"} <= set(soft[1].argv)
    assert {"--signal=KILL", "--full", "1_1", "1_200"} <= set(hard[0].argv)


def test_variables_that_would_filter_our_queries_are_dropped_and_no_others() -> None:
    kept = {"SLURM_CONF": "/etc/c", "SBATCH_QOS": "low", "PATH": "/b", "LANG": "de_DE"}
    assert unfiltered(kept | {"SQUEUE_STATES": "R", "SACCT_FORMAT": "x", "SCANCEL_NAME": "y"}) == kept
