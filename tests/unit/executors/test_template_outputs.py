"""LSF, PBS, Torque and Flux on outputs like those that users have published (template_outputs/README.md)."""

from __future__ import annotations

from pathlib import Path

import pytest

from megatest.executors.call import Reply
from megatest.executors.queue import FinalWord, Standing
from megatest.executors.setting import BatchSettings
from megatest.executors.template import Template, TemplateSystem
from megatest.executors.template_systems import FLUX, LSF, PBS, TEMPLATES, TORQUE
from megatest.model.job import ChangeKind

OUTPUTS = Path(__file__).parent / "template_outputs"


def system(template: Template) -> TemplateSystem:
    return TemplateSystem(template=template, settings=BatchSettings(), user="ann")


def output(name: str) -> str:
    return (OUTPUTS / f"{name}.txt").read_text("utf-8")


def words(template: Template, name: str) -> dict[str, FinalWord]:
    """Return the final words by the last letter of the job's name, or the task's number in an array."""
    found = system(template).final_words(output(name))
    return {str(w.ref.index) if template.task_variable else w.ref.name[-1]: w for w in found}


def test_lsf_lists_what_waits_with_the_reason_and_what_runs_with_its_host() -> None:
    rows = system(LSF).rows(output("lsf_list"))
    ours = {row.ref.index: row for row in rows if row.ref.name == "mt-0123456789ab"}
    pending = {index for index, row in ours.items() if row.standing is Standing.PENDING}
    assert (pending, set(ours)) == ({1, 2, 3}, {1, 2, 3, 4, 5, 6})
    assert ours[1].reason == "LSF: New job is waiting for scheduling;"
    assert ours[2].reason.startswith("LSF: Not enough job slots: 14 hosts; Job's requirements")
    assert (ours[4].host, ours[4].ref.job_id) == ("lxbsu2710", "764220165")


def test_lsf_says_how_jobs_ended() -> None:
    found = words(LSF, "lsf_ends")
    assert set(found) == set("12345679")
    assert [found[i].code for i in "12345"] == [None, 7, 140, 137, 130]
    assert found["3"].reason == (
        "LSF: it reached its time limit (TERM_RUNLIMIT: job killed after reaching LSF run time limit)"
    )
    assert "more memory than it had asked for" in found["4"].reason
    assert "its owner ended it" in found["5"].reason
    assert "a signal from outside LSF" in found["9"].reason
    assert {i for i, word in found.items() if word.kind is ChangeKind.LOST} == {"6", "7"}


def test_pbs_lists_jobs_and_an_id_that_is_cut_off_becomes_its_number() -> None:
    rows = {row.ref.name[-1]: row for row in system(PBS).rows(output("pbs_list"))}
    assert {letter: row.standing.name for letter, row in rows.items()} == {
        "b": "RUNNING", "c": "PENDING", "d": "PENDING", "e": "ENDING", "g": "RUNNING",
    }  # fmt: skip
    assert [rows[letter].ref.job_id for letter in "bg"] == ["69301.mycluster", "13040"]
    assert rows["c"].reason == "PBS: H"


def test_pbs_says_how_jobs_ended() -> None:
    found = words(PBS, "pbs_full")
    assert set(found) == set("bcdefgi"), "one still waits"
    assert [(found[i].code, found[i].signal) for i in "bcf"] == [(7, None), (0, None), (None, 9)]
    assert (found["b"].host, found["b"].ref.job_id) == ("b141", "69301.mycluster")
    assert found["d"].reason.startswith("PBS: it reached its time limit")
    assert found["e"].reason.startswith("PBS: it used more memory than it had asked for")
    assert [(found[i].code, found[i].signal, found[i].kind) for i in "de"] == [
        (None, None, ChangeKind.ENDED)
    ] * 2
    assert (found["g"].kind, found["g"].reason) == (
        ChangeKind.LOST,
        "PBS did not run it (exit status -3)",
    )
    assert (found["i"].code, found["i"].kind) == (None, ChangeKind.ENDED)


def test_torque_says_how_jobs_ended() -> None:
    found = words(TORQUE, "torque_full")
    assert set(found) == set("bcde"), "one is still on its way out"
    assert [(found[i].code, found[i].signal) for i in "bc"] == [(None, 15), (3, None)]
    assert (found["b"].host, found["c"].host) == ("n042", "n042")
    assert found["d"].reason.startswith("Torque: it reached its time limit")
    assert (found["e"].kind, found["e"].reason) == (
        ChangeKind.LOST,
        "Torque did not run it (exit status -9)",
    )


def test_flux_lists_and_says_how_jobs_ended() -> None:
    rows = {row.ref.name[-1]: row.standing for row in system(FLUX).rows(output("flux_list"))}
    assert rows == {
        "b": Standing.PENDING, "c": Standing.PENDING, "d": Standing.RUNNING, "e": Standing.ENDING,
    }  # fmt: skip
    found = words(FLUX, "flux_ends")
    assert [(found[i].code, found[i].signal) for i in "bcde"] == [
        (0, None),
        (7, None),
        (None, 9),
        (143, None),
    ]
    assert found["e"].reason == "Flux: it was cancelled (cancel)"
    assert found["f"].reason == "Flux: it reached its time limit (timeout)"
    assert found["g"].code is None


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        (LSF, "Job <864220165> is not found"),
        (LSF, "Job <864220165[3]>: No matching job found"),
        (PBS, "qstat: Unknown Job Id 864220165.mycluster"),
        (PBS, "qstat: 69301.mycluster Job has finished, use -x or -H to obtain historical job information"),
        (TORQUE, "qstat: Unknown Job Id Error 864220165.torque01"),
        (FLUX, "JobID 999999 unknown"),
        (FLUX, "flux-cancel: ERROR: f68GN: unknown job id"),
    ],
)
def test_that_a_job_is_not_known_is_an_answer_and_a_server_that_is_away_is_none(
    template: Template, complaint: str
) -> None:
    assert system(template).is_answer(Reply(code=1, err=complaint))
    assert not system(template).is_answer(Reply(code=1, err="cannot connect to server: timed out"))


def test_that_there_are_no_jobs_is_a_list_whatever_the_exit_status() -> None:
    nothing = Reply(code=255, err="No unfinished job found\n")
    assert system(LSF).is_listing(nothing)
    assert not system(LSF).is_listing(Reply(code=255, err="LSF is down. Please wait ...\n"))
    for template in TEMPLATES.values():
        assert system(template).is_listing(Reply(code=0))
        assert not system(template).is_listing(Reply(code=None, trouble="no answer in 60 s"))
    assert not system(PBS).is_listing(nothing)


def test_flux_is_asked_for_more_than_the_thousand_jobs_that_it_lists_by_itself() -> None:
    assert "--count=1000000" in system(FLUX).list_jobs().argv
