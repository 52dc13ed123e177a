"""LSF, PBS, Torque and Flux as templates.

Written from their manuals and tested on outputs as those print them: none of them could be had
where this was written.
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

    Long values go on in lines that begin with a tab.
    """
    text = out.replace("\n\t", "")
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
        }
    ),
    submitted=r"^Job <(\d+)> is submitted",
    refusals=r"not accepted|no such queue|bad|illegal|cannot be used|job not submitted|unknown",
    list_jobs=("bjobs", "-noheader", "-u", "{user}", "-o", _LSF_LIST),
    enquire=("bjobs", "-a", "-noheader", "-o", _LSF_ENDS, "{jobs}"),
    not_known=r"is not found|no matching job found|no unfinished job found",
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
            "TERM_MEMLIMIT": "it used more memory than it had asked for",
            "TERM_CPULIMIT": "it reached its limit of processor time",
            "TERM_OWNER": "its owner ended it",
            "TERM_ADMIN": "an administrator ended it",
            "TERM_PREEMPT": "it was preempted by another job",
            "ZOMBI": "its host went away",
        }
    ),
    no_verdict=frozenset({"ZOMBI", "TERM_PREEMPT"}),
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
# Job id, user, queue, job name, session, nodes, tasks, memory, time, state, elapsed time.
_PBS_ROWS = columns(r"^(?P<id>\d\S*)\s+\S+\s+\S+\s+(?P<name>mt-\S+)\s+.*\s(?P<state>[A-Z])\s+\S+\s*$")
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

PBS = Template(
    name="pbs",
    title="PBS",
    name_length=15,
    submit=("qsub", *_PBS_SUBMIT),
    wishes=MappingProxyType(
        _PBS_WISHES
        | {"cpus": ("-l", "ncpus={}"), "memory_mib": ("-l", "mem={}mb"), "gpus": ("-l", "ngpus={}")}
    ),
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
)

TORQUE = Template(
    name="torque",
    title="Torque",
    name_length=15,
    submit=("qsub", *_PBS_SUBMIT),
    wishes=MappingProxyType(
        _PBS_WISHES
        | {
            "cpus": ("-l", "nodes=1:ppn={}"),
            "memory_mib": ("-l", "mem={}mb"),
            "gpus": ("-W", "x=GRES:gpu@{}"),
        }
    ),
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
        }
    ),
    submitted=r"^(\S+)$",
    refusals=r"invalid|unrecognized|unsatisfiable|unknown|not allowed|rejected|exceeds",
    list_jobs=("flux", "jobs", "--no-header", "--user={user}", _FLUX_FORMAT),
    enquire=("flux", "jobs", "--no-header", _FLUX_FORMAT, "{jobs}"),
    not_known=r"no such file|unknown job|invalid jobid",
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
)

TEMPLATES: Final = MappingProxyType({template.name: template for template in (LSF, PBS, TORQUE, FLUX)})
