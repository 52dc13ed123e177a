"""LSF, PBS, Torque and Flux as templates.

Written from their manuals and from outputs that others have published (tests/unit/executors/template_outputs
says where): none of them could be had where this was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from megatest.executors.queue import Standing
from megatest.executors.template import Reader, Record, Template


def bars(*names: str) -> Reader:
    """Return a reader of lines whose fields are separated by bars; ``-`` is nothing."""

    def read(out: str) -> Iterable[Record]:
        for line in out.splitlines():
            values = [value.strip() for value in line.split("|", len(names) - 1)]
            if len(values) == len(names):
                record = {
                    name: value for name, value in zip(names, values, strict=True) if value not in ("", "-")
                }
                if {"id", "name", "state"} <= record.keys():
                    record["name"] = record["name"].partition("[")[0]
                    yield record

    return read


def columns(pattern: str) -> Reader:
    """Return a reader of lines that a regular expression with named groups matches."""
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda out: [found.groupdict("") for found in compiled.finditer(out)]


_BLOCK_FIELDS = MappingProxyType(
    {
        "job_name": "name",
        "job_state": "state",
        "exit_status": "code",
        "exec_host": "host",
        "comment": "reason",
    }
)


def read_blocks(out: str) -> Iterable[Record]:
    """Read the full listing of PBS and Torque: ``Job Id:`` and indented ``name = value`` lines.

    Long values go on in lines that begin with a tab, or with more blanks than a name.
    """
    text = re.sub(r"\n(?:\t| {8,})", "", out)
    for block in re.split(r"^Job Id:\s*", text, flags=re.MULTILINE)[1:]:
        job_id, _, rest = block.partition("\n")
        record = {"id": job_id.strip()}
        for key, value in re.findall(r"^\s+(\S+) = (.*)$", rest, flags=re.MULTILINE):
            name = _BLOCK_FIELDS.get(key.lower())
            if name is not None:
                record[name] = value.strip()
        record["host"] = re.split(r"[/+]", record.get("host", ""), maxsplit=1)[0]
        if {"name", "state"} <= record.keys():
            yield record


_LSF_LIST = "jobid jobindex job_name stat exit_code first_host pend_reason delimiter='|'"
_LSF_ENDS = "jobid jobindex job_name stat exit_code first_host exit_reason delimiter='|'"
_LSF_BARS = bars("id", "index", "name", "state", "code", "host", "reason")

_LSF_NO_VERDICT = MappingProxyType(
    {
        "ZOMBI": "its host went away",
        "TERM_ZOMBIE": "it ended while LSF was away",
        "TERM_PREEMPT": "it was preempted by another job",
        "TERM_LOAD": "its host was loaded too much",
        "TERM_WINDOW": "the hours of its queue were over",
        "TERM_REQUEUE_OWNER": "its owner put it back into the queue",
        "TERM_REQUEUE_ADMIN": "an administrator put it back into the queue",
        "TERM_CWD_NOTEXIST": "its directory does not exist on its host",
        "TERM_PRE_EXEC_FAIL": "what its queue runs before it failed",
        "TERM_REMOVE_HUNG_JOB": "it was removed because its host went away",
        "TERM_RC_RECLAIM": "its host was taken back",
    }
)

LSF = Template(
    name="lsf",
    title="LSF",
    task_variable="LSB_JOBINDEX",
    submit=(
        *("bsub", "-J", "{name}[1-{count}]", "-rn", "-o", "{out}", "-cwd", "{directory}"),
        *("{options}", "/bin/sh", "{script}"),
    ),
    wishes=MappingProxyType(
        {
            "cpus": ("-n", "{}", "-R", "span[hosts=1]"),
            "memory_mib": ("-M", "{}MB", "-R", "rusage[mem={}MB]"),
            "gpus": ("-gpu", "num={}"),
            "walltime_min": ("-W", "{}"),
            "queue": ("-q", "{}"),
            "account": ("-P", "{}"),
            "constraint": ("-R", "select[{}]"),
        }
    ),
    # LSF makes one requirement of all of them.
    licence=("-R", "rusage[{name}={count}]"),
    submitted=r"^Job <(\d+)> is submitted",
    refusals=r"not accepted|no such queue|bad|illegal|cannot be used|job not submitted|unknown",
    list_jobs=("bjobs", "-noheader", "-u", "{user}", "-o", _LSF_LIST),
    enquire=("bjobs", "-a", "-noheader", "-o", _LSF_ENDS, "{jobs}"),
    not_known=r"is not found|no matching job found|no unfinished job found",
    no_jobs=r"no unfinished job found|no job found",
    terminate=("bkill", "{jobs}"),
    kill=("bkill", "-s", "KILL", "{jobs}"),
    job_id="{id}[{index}]",
    rows=_LSF_BARS,
    words=_LSF_BARS,
    standings=MappingProxyType(
        {
            "PEND": Standing.PENDING,
            "PSUSP": Standing.PENDING,
            "PROV": Standing.PENDING,
            "WAIT": Standing.PENDING,
            "RUN": Standing.RUNNING,
            "USUSP": Standing.RUNNING,
            "SSUSP": Standing.RUNNING,
            "UNKWN": Standing.RUNNING,
        }
    ),
    reasons=MappingProxyType(
        {
            "TERM_RUNLIMIT": "it reached its time limit",
            "TERM_DEADLINE": "its time limit reached beyond the deadline of its queue",
            "TERM_MEMLIMIT": "it used more memory than it had asked for",
            "TERM_SWAP": "it reached its limit of swap space",
            "TERM_CPULIMIT": "it reached its limit of processor time",
            "TERM_PROCESSLIMIT": "it reached its limit of processes",
            "TERM_THREADLIMIT": "it reached its limit of threads",
            "TERM_OWNER": "its owner ended it",
            "TERM_FORCE_OWNER": "its owner ended it",
            "TERM_ADMIN": "an administrator ended it",
            "TERM_FORCE_ADMIN": "an administrator ended it",
            "TERM_EXTERNAL_SIGNAL": "a signal from outside LSF ended it",
            **_LSF_NO_VERDICT,
        }
    ),
    no_verdict=frozenset(_LSF_NO_VERDICT),
)

_PBS_WISHES = MappingProxyType(
    {"queue": ("-q", "{}"), "account": ("-A", "{}"), "walltime": ("-l", "walltime={}")}
)
_PBS_STANDINGS = MappingProxyType(
    {
        "Q": Standing.PENDING,
        "H": Standing.PENDING,
        "W": Standing.PENDING,
        "T": Standing.PENDING,
        "R": Standing.RUNNING,
        "S": Standing.RUNNING,
        "U": Standing.RUNNING,
        "B": Standing.RUNNING,
        "E": Standing.ENDING,
    }
)
# Job id, user, queue, job name, session, nodes, tasks, memory, time, state, elapsed time.  An id that is
# cut off ends with an asterisk; its number alone means the same.
_PBS_ROWS = columns(
    r"^(?P<id>\d+(?:[^\s*]+(?=\s))?)\S*\s+\S+\s+\S+\s+(?P<name>mt-\S+)\s+.*\s(?P<state>[A-Z])\s+\S+\s*$"
)
_PBS_REFUSALS = r"unknown queue|illegal|bad uid|unauthorized|invalid|exceeds|not supported|bad account|cannot"
_PBS_SUBMIT = (
    "-N",
    "{name}",
    "-S",
    "/bin/sh",
    "-r",
    "n",
    "-V",
    "-j",
    "oe",
    "-o",
    "{out}",
    "{options}",
    "{script}",
)

# Of OpenPBS (src/include/job.h): what its own servers ended, in place of the script's exit status.
_PBS_ENDS = MappingProxyType(
    {
        "-24": "it used more processors than it had asked for",
        "-25": "it used more processors than it had asked for",
        "-26": "it used more virtual memory than it had asked for",
        "-27": "it used more memory than it had asked for",
        "-28": "it reached its limit of processor time",
        "-29": "it reached its time limit",
    }
)

PBS = Template(
    name="pbs",
    title="PBS",
    name_length=15,
    submit=("qsub", *_PBS_SUBMIT),
    wishes=MappingProxyType(
        _PBS_WISHES
        | {
            "cpus": ("-l", "ncpus={}"),
            "memory_mib": ("-l", "mem={}mb"),
            "gpus": ("-l", "ngpus={}"),
            "constraint": ("-l", "{}=true"),
        }
    ),
    licence=("-l", "{name}={count}"),
    other=("-l", "{name}={value}"),
    submitted=r"^(\d+\S*)$",
    refusals=_PBS_REFUSALS,
    list_jobs=("qstat", "-w", "-u", "{user}"),
    enquire=("qstat", "-x", "-f", "{jobs}"),
    not_known=r"unknown job id|job has finished",
    terminate=("qdel", "{jobs}"),
    kill=("qdel", "-W", "force", "{jobs}"),
    rows=_PBS_ROWS,
    words=read_blocks,
    standings=_PBS_STANDINGS,
    reasons=_PBS_ENDS,
)

TORQUE = Template(
    name="torque",
    title="Torque",
    name_length=15,
    submit=("qsub", *_PBS_SUBMIT),
    wishes=MappingProxyType(
        _PBS_WISHES
        | {
            "node": ("-l", "nodes=1:ppn={}"),
            "memory_mib": ("-l", "mem={}mb"),
            "gpus": ("-W", "x=GRES:gpu@{}"),
        }
    ),
    other=("-l", "{name}={value}"),
    submitted=r"^(\d+\S*)$",
    refusals=_PBS_REFUSALS,
    list_jobs=("qstat", "-u", "{user}"),
    enquire=("qstat", "-f", "{jobs}"),
    not_known=r"unknown job id",
    terminate=("qdel", "{jobs}"),
    kill=("qsig", "-s", "KILL", "{jobs}"),
    rows=_PBS_ROWS,
    words=read_blocks,
    standings=_PBS_STANDINGS,
    reasons=MappingProxyType(
        {
            "-10": "it used more memory than it had asked for",
            "-11": "it reached its time limit",
            "-12": "it reached its limit of processor time",
        }
    ),
)

_FLUX_FORMAT = "--format={id.f58plain}|{name}|{status_abbrev}|{returncode}|{nodelist}|{exception.type}"
_FLUX_BARS = bars("id", "name", "state", "code", "host", "reason")

FLUX = Template(
    name="flux",
    title="Flux",
    submit=(
        *("flux", "submit", "--job-name={name}", "--cwd={directory}", "--output={out}", "--error={out}"),
        *("{options}", "/bin/sh", "{script}"),
    ),
    wishes=MappingProxyType(
        {
            "cpus": ("--cores-per-task={}",),
            "gpus": ("--gpus-per-task={}",),
            "walltime_s": ("--time-limit={}s",),
            "queue": ("--queue={}",),
            "account": ("--bank={}",),
            "constraint": ("--requires={}",),
        }
    ),
    submitted=r"^(\S+)$",
    refusals=r"invalid|unrecognized|unsatisfiable|unknown|not allowed|rejected|exceeds",
    # Without a count it lists a thousand.  -n is what older and newer versions know.
    list_jobs=("flux", "jobs", "-n", "--count=1000000", "--user={user}", _FLUX_FORMAT),
    enquire=("flux", "jobs", "-n", _FLUX_FORMAT, "{jobs}"),
    not_known=r"no such file|unknown job|jobid \S+ unknown|invalid jobid",
    terminate=("flux", "cancel", "{jobs}"),
    kill=("flux", "job", "kill", "--signal=KILL", "{jobs}"),
    rows=_FLUX_BARS,
    words=_FLUX_BARS,
    standings=MappingProxyType(
        {
            "D": Standing.PENDING,
            "P": Standing.PENDING,
            "S": Standing.PENDING,
            "R": Standing.RUNNING,
            "C": Standing.ENDING,
        }
    ),
    reasons=MappingProxyType(
        {"TO": "it reached its time limit", "CA": "it was cancelled", "timeout": "it reached its time limit"}
    ),
    negative_is_signal=True,
)

TEMPLATES: Final = MappingProxyType({template.name: template for template in (LSF, PBS, TORQUE, FLUX)})
