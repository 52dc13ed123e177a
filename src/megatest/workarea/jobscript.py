r"""The text of ``job.sh``: what runs one attempt, on any host, with nothing but ``/bin/sh``.

The script is written to be read, and run by hand, by the person who looks after a failed test.
It has to work in dash and in bash called ``sh``, and to cost next to nothing: it forks only for
the user's commands, because everything that it says about itself (who it is, since when, on
which host) comes from files under ``/proc`` that ``read`` can read.

Its variables start with ``mt__`` and are not exported: any other name could be one that the
test's own environment has, and assigning an inherited variable would change it for the test.

The evaluated testconfig stands behind the last command, as comments that start with ``#[``
(section), ``#=`` (key, a blank, value) or ``#+`` (the value's next line).
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii as json_text
from typing import Final

from megatest.model.error import UserError
from megatest.model.ids import check_name
from megatest.model.slotted import dataclass
from megatest.model.spec import Step, Variable
from megatest.workarea.marker import Owner, mark_line, owner_line
from megatest.workarea.quote import sh_quote

_HEAD: Final = """\
#
# Runs one attempt of one test. It starts only once: who creates .megatest/journal has it.
# The same commands by hand, with nothing recorded and all output on the terminal:
#     . ./megatest.sh; sh .megatest/job.sh --again
"""

_FUNCTIONS: Final = """\
mt__record() {  # KIND FIELDS: print one journal record
    mt__up=0
    IFS=' ' read -r mt__up mt__line < /proc/uptime  # the test may have set IFS
    printf '{"k":"%s","up":%s,%s}\\n' "$1" "$mt__up" "$2"
}

mt__say() {  # KIND FIELDS: add one record to the journal
    mt__record "$1" "$2" >> "$mt__journal"
}

mt__end() {  # CODE STEP [FIELDS]: the last record
    trap '' HUP INT TERM
    mt__say exit "\\"code\\":$1,\\"step\\":\\"$2\\"${3-}"
    exit "$1"
}
"""

_PLACE: Final = """\
cd "$mt__dir" || exit 74
if [ "$0" != "$mt__dir/.megatest/job.sh" ]; then  # a copy: is the directory still its attempt's?
    { read -r mt__line; read -r mt__line; } < .megatest/job.sh
    if [ "$mt__line" != "$mt__mark" ]; then
        echo "megatest: $mt__dir holds another attempt than this script's; nothing was started" >&2
        exit 75
    fi
fi
case ${1-},${MT_JOB-} in
--again,* | , | *-$mt__row-$mt__attempt) ;;
*)  # an engine that stood still for long wants an attempt whose place another has taken
    echo "megatest: $MT_JOB was to be started, this is another attempt; nothing was done" >&2
    exit 75
    ;;
esac

if [ "${1-}" = --here ]; then  # whoever starts it on this host knows this already
    mt__boot=$2 mt__host=$3
else
    mt__boot=
    read -r mt__boot < /proc/sys/kernel/random/boot_id
    mt__host=
    read -r mt__host < /proc/sys/kernel/hostname
    case $mt__host in *[!A-Za-z0-9._-]*) mt__host= ;; esac
fi
mt__who="\\"pid\\":$$,\\"boot_id\\":\\"$mt__boot\\",\\"host\\":\\"$mt__host\\",\\"v\\":1,\\"attempt\\":$mt__attempt"
"""

# On the engine's own host `up` says enough: whoever has the pid and began before then is the one
# that wrote it.
_ELSEWHERE: Final = """\
mt__since() {  # a shell reads byte by byte, and this line is long: a fifth of the script's whole time
    if read -r mt__line < /proc/self/stat; then
        set -- ${mt__line##*") "}
        mt__pid_started=${20}
    fi
}
mt__pid_started=0
mt__since
mt__uname=$(uname -srvpio)
case $mt__uname in *[\\"\\\\]*) mt__uname= ;; esac
mt__load=-1
read -r mt__load mt__line < /proc/loadavg
mt__who="$mt__who,\\"pid_started\\":$mt__pid_started,\\"uname\\":\\"$mt__uname\\",\\"cpuload\\":$mt__load,\
\\"time\\":$(date +%s)"
"""

_CLAIM: Final = """\
mt__journal=$mt__dir/.megatest/journal
set -C  # the journal is created by one process only, with its first record
if [ "${1-}" = --again ]; then
    mt__journal=/dev/null
elif ! { { mt__record start "$mt__who"; true; } > .megatest/journal; } 2> /dev/null; then
    if [ -e .megatest/journal ]; then
        echo "megatest: this attempt was already started, or taken back; nothing was done" >&2
        echo "megatest: to run its commands by hand: sh '$mt__dir/.megatest/job.sh' --again" >&2
        exit 75
    fi
    echo "megatest: cannot create $mt__journal; nothing was started" >&2
    exit 74
fi
set +C

mt__step=
trap 'mt__end 129 "$mt__step" ",\\"signal\\":1"' HUP
trap 'mt__end 130 "$mt__step" ",\\"signal\\":2"' INT
trap 'mt__end 143 "$mt__step" ",\\"signal\\":15"' TERM
"""

_BEGIN_HERE: Final = f"{_FUNCTIONS}\n{_PLACE}\n{_CLAIM}\n"
_BEGIN_ELSEWHERE: Final = f"{_FUNCTIONS}\n{_PLACE}{_ELSEWHERE}\n{_CLAIM}\n"

_FILE: Final = """\
mt__unfit() {{  # WHY: say that there is no script to run; calling it fails in the usual way
    mt__say status "\\"state\\":\\"COMPLETED\\",\\"status\\":\\"FAIL\\",\
\\"comment\\":\\"its script $mt__script $1\\""
}}
mt__script={script}
if [ -f "./$mt__script" ]; then
    mt__script=./$mt__script
    [ -x "$mt__script" ] || chmod a+x "$mt__script"
elif [ -e "./$mt__script" ]; then  # a program of this name on PATH is not meant
    mt__unfit 'is no regular file'
    mt__script=./$mt__script
elif ! command -v "$mt__script" > /dev/null; then
    mt__unfit 'is not there'
fi
"""

_SIGNALLED: Final = """\
if [ "$mt__code" -gt 128 ] && [ "$mt__code" -le 192 ]; then
    mt__end "$mt__code" ''  # it died of a signal: no steps
fi
"""

_STEPS: Final = """\
mt__shell=/bin/bash
[ -x /bin/bash ] || mt__shell=/bin/sh
PATH=$PATH:.
mt__earlier=  # sources what earlier steps left for later ones
mt__rules=  # of the step: the file, if there is one
mt__judged=  # field that says that the step's status comes from its rules
mt__warned=  # the latest step of which the rules only warn

mt__run_step() {  # NAME COMMAND
    mt__step=$1 mt__rules= mt__judged= mt__log=$1.log
    [ ! -f "$1.logpro" ] || mt__rules=$1.logpro
    mt__say step "\\"step\\":\\"$1\\",\\"state\\":\\"start\\",\\"status\\":\\"-\\""
    if [ "$mt__journal" != /dev/null ]; then
        "$mt__shell" -c "$mt__earlier$2" > "$1.log" 2>&1
        mt__status=$?
        [ -z "$mt__rules" ] || mt__judge "$1"
    elif [ -z "$mt__rules" ]; then
        "$mt__shell" -c "$mt__earlier$2"
        mt__status=$?
    else
        "$mt__shell" -c "$mt__earlier$2" 2>&1 | logpro "$mt__rules"
        mt__status=$? mt__judged=,
    fi
    mt__say step "\\"step\\":\\"$1\\",\\"state\\":\\"end\\",\\"status\\":\\"$mt__status\\",\
\\"log\\":\\"$mt__log\\""
    case $mt__status$mt__judged in
        0*) ;;
        2,*) mt__warned=$1 ;;
        *)
            mt__end "$mt__status" "$1" "$mt__judged"
            ;;
    esac
    if [ -f ".ezsteps/$1.sh" ]; then
        mt__earlier="$mt__earlier. './.ezsteps/$1.sh'; "
    fi
}

mt__judge() {  # NAME: what the rules make of the log replaces the exit status, but not a signal
    logpro "$mt__rules" "$1.html" < "$1.log" > /dev/null
    mt__verdict=$?
    mt__log=$1.html
    mt__say log "\\"log\\":\\"$1.html\\""
    if [ "$mt__status" -le 128 ] || [ "$mt__status" -gt 192 ]; then
        mt__status=$mt__verdict mt__judged=',"judged":true'
    fi
}

"""

# For a step that works on another run: by MT_JOB a kill finds what belongs to this test, and `megatest`
# on its PATH begins with MT_PYTHON.
_WITHOUT_VARIABLES: Final = """\
for mt__name in $(env | sed -n 's/^\\(MT_[A-Za-z0-9_]*\\)=.*/\\1/p'); do
    case $mt__name in MT_JOB | MT_PYTHON) ;; *) unset "$mt__name" ;; esac
done
"""

_WARNED: Final = """\
if [ "$mt__code" -eq 0 ] && [ -n "$mt__warned" ]; then
    mt__end 2 "$mt__warned" ',"judged":true'
fi
"""

_WORD: Final = re.compile(r"[\w\-:,./%+@]+")
_OUR_LOGS: Final = ("mt_launch",)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobScript:
    """What goes into a job script.

    Attributes:
        owner: whose attempt it is.
        run_dir: absolute, real path.
        exports: the lines that export its variables.
        shim_dir: directory that comes first on PATH.
        runscript: `[setup] runscript`; empty without one.
        steps: ``[ezsteps]``.
        elsewhere: it runs on another host than the engine, and says more about it.
        resolved: the evaluated testconfig, by section.
    """

    owner: Owner
    run_dir: str
    exports: str
    shim_dir: str
    runscript: str = ""
    steps: Sequence[Step] = ()
    elsewhere: bool = False
    resolved: Mapping[str, tuple[Variable, ...]]


def job_script(job: JobScript) -> str:
    """Return the text of the script.

    Raises:
        UserError: a step's name cannot be a file's name.
    """
    owner = job.owner
    mark = mark_line(owner)
    parts = [
        f"#!/bin/sh\n{mark}\n{owner_line(owner)}\n{_HEAD}\n",
        f"mt__dir={sh_quote(job.run_dir)}\nmt__mark='{mark}'\n",
        f"mt__row={owner.row} mt__attempt={owner.attempt}\n\n",
        _BEGIN_ELSEWHERE if job.elsewhere else _BEGIN_HERE,
        job.exports,
        f'export MT_JOURNAL="$mt__journal"\nexport PATH={sh_quote(job.shim_dir)}"${{PATH:+:$PATH}}"\n\n',
        _runscript(job.runscript),
        *_ezsteps(job.steps, after_script=bool(job.runscript)),
        "mt__end \"$mt__code\" ''\nexit\n",
        *_resolved_lines(job.resolved),
    ]
    return "".join(parts)


def _runscript(text: str) -> str:
    """Return the lines that run the runscript and leave its exit status in ``mt__code``.

    A file of the test's own directory comes first, else PATH is searched.  Behind it there may be
    arguments; anything that is more than words is a shell line of its own.
    """
    if not text:
        return "mt__code=0\n"
    word, _, arguments = text.partition(" ")
    if _WORD.fullmatch(word) is None:
        return f"/bin/sh -c {sh_quote(text)}\nmt__code=$?\n"
    call = '"$mt__script"'
    if arguments:
        line = f'"$0" {arguments}'
        call = f"/bin/sh -c {sh_quote(line)} {call}"
    where = f"mt__script={word}\n" if word.startswith("/") else _FILE.format(script=word)
    return f"{where}{call}\nmt__code=$?\n"


def _ezsteps(steps: Sequence[Step], *, after_script: bool) -> Iterator[str]:
    if not steps:
        return
    if after_script:
        yield _SIGNALLED
    yield _STEPS
    for step in steps:
        command = step.command
        if step.parameters.get("subrun") == "true":
            command = _WITHOUT_VARIABLES + command
        yield f"mt__run_step {sh_quote(_checked_name(step.name))} {sh_quote(command)}\n"
    yield _WARNED


def _checked_name(name: str) -> str:
    """Return a step's name if it can stand in file names, JSON and quotes as it is."""
    check_name(name, "step")
    if any(character in name for character in "\"'\\") or name in _OUR_LOGS:
        raise UserError(
            f"step name {name!r} cannot be the name of its log",
            hint="use letters, digits, '_', '.', '-' in the names of [ezsteps]",
        )
    return name


def _resolved_lines(resolved: Mapping[str, tuple[Variable, ...]]) -> Iterator[str]:
    for section, variables in resolved.items():
        yield f"#[{section}]\n"
        for variable in variables:
            yield f"#={variable.name} {variable.value}\n".replace("\n", "\n#+")[:-2]


def resolved_from_script(script: bytes) -> dict[str, tuple[Variable, ...]]:
    """Return the evaluated testconfig that stands at the end of a job script, by section."""
    behind = script.decode("utf-8", "surrogateescape").rpartition("\nexit\n")[2]
    sections: dict[str, list[Variable]] = {}
    current: list[Variable] = []
    for line in behind.split("\n"):
        kind, rest = line[:2], line[2:]
        if kind == "#[":
            current = sections.setdefault(rest[:-1], [])
        elif kind == "#=":
            name, _, value = rest.partition(" ")
            current.append(Variable(name, value))
        elif kind == "#+" and current:
            current[-1] = Variable(current[-1].name, f"{current[-1].value}\n{rest}")
    return {section: tuple(variables) for section, variables in sections.items()}


def command_info(owner: Owner, source: str, run_dir: str, shim: str, item_info: str) -> str:
    """Return ``MT_CMDINFO``: what a command inside the test may want to know, base64 of JSON."""
    text = (
        f'{{"testpath":{json_text(source)},"toppath":{json_text(owner.area)},"work-area":{json_text(run_dir)},'
        f'"test-name":{json_text(owner.test)},"item-path":{json_text(owner.item)},"itemdat":{json_text(item_info)},'
        f'"run-id":{owner.run_id},"test-id":{owner.row},"target":{json_text(owner.target)},'
        f'"runname":{json_text(owner.runname)},"attempt":{owner.attempt},"megatest":{json_text(shim)}}}'
    )
    return b2a_base64(text.encode(), newline=False).decode()
