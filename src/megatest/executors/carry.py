"""The commands that carry directories to a host and back: tar at both ends of a channel.

Several go at once, because what a channel costs (a login shell with all that it reads at its start)
is more than most directories cost.

A copy counts only when both ends have said that theirs went well: a connection that breaks, a
process that is killed or a disk that is full leaves one of them silent.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Final

from megatest.executors.call import Command, Reply
from megatest.model.rundir import AWAY, OURS
from megatest.model.slotted import dataclass

JOURNAL: Final = ".mt-journal"
"""The journal's name on its way back, when it is not yet to be believed."""

NEW: Final = f"{AWAY}/new"
"""In a run directory: files that take the place of its own over there."""

STAYS: Final = f"{AWAY}/stays"
"""In a run directory: patterns of what is not sent, as tar names it, from the root."""

_BEGIN: Final = "megatest: results follow"

Channel = Callable[[int], "list[str]"]
"""Returns the words of ssh that run, over there, so many bytes of shell text from its stdin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A run directory and its copy.

    Attributes:
        run_dir: absolute path here.
        directory: absolute path over there; plain characters.
    """

    run_dir: str
    directory: str


_SEND: Final = """\
{{ {{ printf %s {text}; {tar} && echo left >&3; }} | {ssh} >/dev/null && echo arrived >&3; }} 3>&1
"""

_RECEIVE: Final = """\
mkdir -p {entry} && cd {entry} && tar -xpof -
code=$?
cat >/dev/null
take() {{ # FROM TO
  [ $code = 0 ] && cp -Rp "$1/{new}/." "$1/" && mv "$1" "$2" || code=74
}}
{takes}
cd / && rm -rf {entry}
exit $code
"""

# Whoever comes second finds the name taken; what both brought is the same.
_RECEIVE_KIT: Final = """\
kit={kit}
part=$kit.$$.part
# What broken connections of engines that died have left.
find "${{kit%/*}}" -maxdepth 1 -name '*.part' -mtime +2 -exec rm -rf {{}} + 2>/dev/null
if [ ! -d "$kit" ]; then
  rm -rf "$part"
  mkdir -p "$part" && cd "$part" && tar -xpof - && cat >python <<'END' && chmod a+x python || exit 1
{python}END
  mv "$part" "$kit" 2>/dev/null || rm -rf "$part"
  [ -d "$kit" ]
fi
code=$?
cat >/dev/null
exit $code
"""

_PYTHON: Final = """\
#!/bin/sh
# The whole program inside a test, on a host to which it came with the tests.
export PYTHONPATH="${0%/*}"
for python in python3 python3.14 python3.13 python3.12 python3.11; do
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exec "$python" "$@"
  fi
done
echo "megatest: this call needs Python 3.11 or newer, which this host does not have" >&2
exit 3
"""

_GIVE: Final = """\
cd / || exit 74
names=
give() {{ # DIRECTORY
  [ -d "$1" ] || {{ echo "gone $1"; return; }}
  : >"$1/{journal}" || exit 74
  [ ! -e "$1/.megatest/journal" ] || cp "$1/.megatest/journal" "$1/{journal}" || exit 74
  names="$names $1"
}}
{gives}
echo {begin}
[ -z "$names" ] || exec tar -cf - {excludes} $names
"""

# First all of it beside the results of earlier tries; only what is whole comes among them.
_FETCH: Final = """\
stage={stage}
line_end='
'
rm -rf "$stage"
mkdir -p "$stage" && cd "$stage" || exit 74
said=$({{
  {{ printf %s {text} | {ssh} && echo left >&3; }} | {{
    while IFS= read -r line && [ "$line" != {begin} ]; do
      case $line in "gone "*) echo "$line" >&3 ;; esac
    done
    [ "$line" != {begin} ] || {{ tar -xpof - && echo arrived >&3; }}
    cat >/dev/null
  }}
}} 3>&1)
was_said() {{ # LINE
  case $line_end$said$line_end in *"$line_end$1$line_end"*) ;; *) return 1 ;; esac
}}
merge() {{ # FROM TO
  [ -d "$1" ] || return 0
  merged=$({{ {{ tar -cf - -C "$1" . && echo left >&3; }} | tar -xpof - -C "$2" && echo arrived >&3; }} 3>&1)
  case $merged in left*arrived | arrived*left) echo "back $1" ;; esac
}}
was_said left || exit 74
printf '%s\\n' "$said"
if was_said arrived; then
  {merges}
fi
cd / && rm -rf "$stage"
"""


def send(parcels: Sequence[Parcel], channel: Channel) -> Command:
    """Return what copies run directories to ``DIRECTORY.part`` over there.

    No run directory may lie inside another of them.
    """
    entry = f"{parcels[0].directory}.in.part"
    takes = [f"take {shlex.quote(p.run_dir[1:])} {p.directory}.part" for p in parcels]
    text = _RECEIVE.format(entry=entry, new=NEW, takes="\n".join(takes))
    stays = [word for p in parcels for word in ("-X", f"{p.run_dir}/{STAYS}")]
    tar = ["tar", "-cf", "-", *stays, "-C", "/", "--", *(p.run_dir[1:] for p in parcels)]
    return _sending(text, tar, channel)


def send_kit(parent: str, package: str, kit: str, channel: Channel) -> Command:
    """Return what copies a package of Python, with a script that finds a Python for it."""
    text = _RECEIVE_KIT.format(kit=kit, python=_PYTHON)
    return _sending(text, ["tar", "-cf", "-", "--exclude=__pycache__", "-C", parent, package], channel)


def _sending(text: str, tar: Sequence[str], channel: Channel) -> Command:
    ssh = channel(len(text.encode("utf-8", "surrogateescape")))
    return _shell(_SEND.format(text=shlex.quote(text), tar=shlex.join(tar), ssh=shlex.join(ssh)))


def is_sent(reply: Reply) -> bool:
    """Return whether everything arrived."""
    return reply.ok and set(reply.out.split()) == {"left", "arrived"}


def fetch(parcels: Sequence[Parcel], channel: Channel) -> Command:
    """Return what brings everything from directories over there into the run directories here."""
    there = [p.directory[1:] for p in parcels]
    text = _GIVE.format(
        journal=JOURNAL,
        gives="\n".join(f"give {name}" for name in there),
        begin=shlex.quote(_BEGIN),
        excludes=" ".join(
            f"--exclude={name}/{part}" for name in there for part in (OURS, "megatest.sh", "megatest.csh")
        ),
    )
    merges = [f"merge {p.directory[1:]} {shlex.quote(p.run_dir)}" for p in parcels]
    script = _FETCH.format(
        stage=shlex.quote(f"{parcels[0].run_dir}/{AWAY}/stage"),
        text=shlex.quote(text),
        ssh=shlex.join(channel(len(text.encode()))),
        begin=shlex.quote(_BEGIN),
        merges="\n  ".join(merges),
    )
    return _shell(script)


def is_back(reply: Reply, parcel: Parcel) -> bool:
    """Return whether all of one directory is here."""
    return reply.ok and f"back {parcel.directory[1:]}" in reply.out.splitlines()


def is_gone(reply: Reply, parcel: Parcel) -> bool:
    """Return whether a directory does not exist over there."""
    return reply.ok and f"gone {parcel.directory[1:]}" in reply.out.splitlines()


def _shell(script: str) -> Command:
    return Command(argv=("/bin/sh", "-c", script))
