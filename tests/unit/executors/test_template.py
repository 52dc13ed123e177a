"""Batch systems as data: LSF, PBS, Torque, Flux, on outputs as their manuals print them."""

from __future__ import annotations

import pytest

from megatest.executors.call import Reply
from megatest.executors.queue import ArrayJob, BatchSystem, Ref, Standing
from megatest.executors.setting import BatchSettings
from megatest.executors.template import Template, TemplateSystem
from megatest.executors.template_systems import FLUX, LSF, PBS, TEMPLATES, TORQUE
from megatest.model.job import ChangeKind, Resources

_WISHES = Resources(cpus=4, memory_mib=512, gpus=1, walltime_s=3661)


def _system(template: Template, **settings: object) -> TemplateSystem:
    return TemplateSystem(template=template, settings=BatchSettings(**settings), user="ann")  # type: ignore[arg-type] # names and types as in the record


def _array(*, count: int = 3, resources: Resources = Resources()) -> ArrayJob:  # noqa: B008
    name = "mt-0123456789ab"
    return ArrayJob(
        name=name, count=count, script="/s/a.sh", out="/s/a.out", directory="/s", resources=resources
    )


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_each_satisfies_what_the_batch_executor_asks(template: Template) -> None:
    system: BatchSystem = _system(template)
    assert system.name == template.name
    assert (system.array_size == 1) == (system.task_variable == "")
    assert system.name_length >= 15


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())
def test_no_command_keeps_a_place_that_was_not_filled(template: Template) -> None:
    system = _system(template, queue="q", account="a")
    refs = [Ref(name="mt-1", index=2, job_id="77")]
    commands = [
        system.submit(_array(resources=_WISHES)),
        system.enquire(refs, 0).command,
        *system.end(refs, force=False),
        *system.end(refs, force=True),
    ]
    for command in commands:
        # (Flux has braces of its own in its format.)
        assert not any("{" in word for word in command.argv if not word.startswith("--format="))
    assert "{user}" not in " ".join(system.list_jobs().argv)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (LSF, "-J mt-0123456789ab[1-3] -rn -o /s/a.out -cwd /s -n 4 -R span[hosts=1] -M 512MB"),
        (LSF, "-gpu num=1 -W 62 -q long -P p1 --extra /bin/sh /s/a.sh"),
        (
            PBS,
            "-o /s/a.out -q long -A p1 -l walltime=1:01:01 -l ncpus=4 -l mem=512mb -l ngpus=1 --extra /s",
        ),
        (TORQUE, "-l nodes=1:ppn=4 -l mem=512mb -W x=GRES:gpu@1 --extra /s/a.sh"),
        (
            FLUX,
            "--cores-per-task=4 --gpus-per-task=1 --time-limit=3661s --queue=long --bank=p1 --extra /bin/sh",
        ),
    ],
)
def test_wishes_and_settings_become_words(template: Template, expected: str) -> None:
    system = _system(template, queue="long", account="p1", options=("--extra",))
    assert expected in " ".join(system.submit(_array(resources=_WISHES)).argv)


@pytest.mark.parametrize(
    ("template", "out", "job_id"),
    [
        (LSF, "Job <1234> is submitted to queue <normal>.\n", "1234"),
        (PBS, "1234.pbs-server\n", "1234.pbs-server"),
        (TORQUE, "1234.torque\n", "1234.torque"),
        (FLUX, "f2WFhHo9jM\n", "f2WFhHo9jM"),
        (LSF, "", ""),
    ],
)
def test_the_job_id_is_read(template: Template, out: str, job_id: str) -> None:
    assert _system(template).submitted_id(Reply(code=0, out=out)) == job_id
    assert _system(template).submitted_id(Reply(code=1, out=out)) == ""


@pytest.mark.parametrize(
    ("template", "complaint", "refusal"),
    [
        (LSF, "nope: No such queue. Job not submitted.", True),
        (LSF, "LSF is down. Please wait ...", False),
        (PBS, "qsub: Unknown queue", True),
        (PBS, "qsub: cannot connect to server pbs (errno=15010)", False),
        (TORQUE, "Communication failure. qsub: could not connect to server", False),
        (FLUX, "flux-submit: ERROR: [Errno 22] job rejected: unsatisfiable request", True),
        (FLUX, "flux-submit: ERROR: broker: Connection refused", False),
    ],
)
def test_a_wrong_request_is_told_from_a_server_that_is_away(
    template: Template, complaint: str, refusal: bool
) -> None:
    assert _system(template).is_refusal(Reply(code=1, err=complaint)) is refusal


def test_lsf_is_read() -> None:
    out = """\
1234|1|mt-1[1]|DONE|-|n1|-
1234|2|mt-1[2]|EXIT|7|n1|-
1234|3|mt-1[3]|EXIT|143|n1|TERM_RUNLIMIT: job killed after reaching LSF run time limit
1234|4|mt-1[4]|RUN|-|n1|-
1234|5|mt-1[5]|PEND|-|-|New job is waiting for scheduling;
1234|6|mt-1[6]|ZOMBI|-|n1|-
"""
    system = _system(LSF)
    rows = {row.ref.index: row for row in system.rows(out)}
    assert {index: row.standing for index, row in rows.items()} == {4: Standing.RUNNING, 5: Standing.PENDING}
    assert rows[5].reason == "LSF: New job is waiting for scheduling;"
    words = {word.ref.index: word for word in system.final_words(out)}
    assert [words[2].code, words[3].code] == [7, 143]
    assert "time limit" in words[3].reason
    assert words[6].kind is ChangeKind.LOST
    assert {word.ref.name for word in words.values()} == {"mt-1"}


_PBS_LIST = """

pbs-server:
                                                                                                   Req'd  Req'd   Elap
Job ID                         Username        Queue           Jobname         SessID   NDS  TSK   Memory Time  S Time
------------------------------ --------------- --------------- --------------- -------- ---- ----- ------ ----- - -----
12.pbs-server                  ann             workq           mt-0123456789ab   41230    1     1    --    --  R 00:00
13.pbs-server                  ann             workq           mt-0123456789ac      --    1     1    --    --  Q   --
14.pbs-server                  ann             workq           somethingelse        --    1     1    --    --  Q   --
15.pbs-server                  ann             workq           mt-0123456789ad   41233    1     1    --    --  E 00:01
"""  # noqa: E501
_PBS_FULL = """\
Job Id: 12.pbs-server
    Job_Name = mt-0123456789ab
    Job_Owner = ann@login
    job_state = F
    exec_host = n1/0+n1/1
    Exit_status = 7
    Variable_List = PBS_O_HOME=/home/ann,PBS_O_LANG=C.UTF-8,
\tPBS_O_PATH=/usr/bin:/bin
    comment = Job run at Sun Nov 22 at 10:00 on (n1:ncpus=1) and failed

Job Id: 13.pbs-server
    Job_Name = mt-0123456789ac
    job_state = F
    Exit_status = 271

Job Id: 16.pbs-server
    Job_Name = mt-0123456789ae
    job_state = R
"""


@pytest.mark.parametrize("template", [PBS, TORQUE], ids=["pbs", "torque"])
def test_pbs_and_torque_are_read(template: Template) -> None:
    system = _system(template)
    assert [(row.ref.name, row.ref.job_id, row.standing) for row in system.rows(_PBS_LIST)] == [
        ("mt-0123456789ab", "12.pbs-server", Standing.RUNNING),
        ("mt-0123456789ac", "13.pbs-server", Standing.PENDING),
        ("mt-0123456789ad", "15.pbs-server", Standing.ENDING),
    ]
    words = system.final_words(_PBS_FULL)
    assert [(word.ref.job_id, word.code, word.signal) for word in words] == [
        ("12.pbs-server", 7, None),
        ("13.pbs-server", None, 15),
    ]
    assert words[0].host == "n1"


def test_flux_is_read() -> None:
    out = """\
f2a|mt-1|R|-|n1|
f2b|mt-2|S|-||
f2c|mt-3|CD|0|n1|
f2d|mt-4|F|7|n1|
f2e|mt-5|F|-9|n1|
f2f|mt-6|TO|142|n1|timeout
"""
    system = _system(FLUX)
    assert [row.standing for row in system.rows(out)] == [Standing.RUNNING, Standing.PENDING]
    words = {word.ref.name: word for word in system.final_words(out)}
    assert (words["mt-3"].code, words["mt-4"].code, words["mt-5"].signal) == (0, 7, 9)
    assert "time limit" in words["mt-6"].reason


@pytest.mark.parametrize("template", TEMPLATES.values(), ids=TEMPLATES.keys())
@pytest.mark.parametrize("out", ["", "nonsense\n", "a|b\n||||||||\n", "Job Id:\n", "\x00\ufffd|"])
def test_what_is_no_answer_has_no_rows_and_no_final_words(template: Template, out: str) -> None:
    assert list(_system(template).rows(out)) == []
    assert list(_system(template).final_words(out)) == []


def test_no_such_job_is_an_answer() -> None:
    assert _system(LSF).is_answer(Reply(code=255, err="Job <9> is not found"))
    assert _system(PBS).is_answer(Reply(code=153, err="qstat: Unknown Job Id 9.server"))
    assert not _system(PBS).is_answer(Reply(code=1, err="qstat: cannot connect to server"))
