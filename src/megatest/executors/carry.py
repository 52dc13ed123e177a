"""The commands that carry directories to a host and back: tar at both ends of a channel.

A copy counts only when four witnesses agree: tar here, tar there, ssh, and the shell that saw all
of them end well, which says `ok` on its last line.  A connection that breaks, a process that is
killed or a disk that is full leaves one of them silent.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Final

from megatest.executors.call import Command

WHOLE: Final = "ok"
"""The last line of a transfer that brought everything."""

GONE: Final = "gone"
"""The last line of a transfer that found nothing to bring back."""

JOURNAL: Final = ".mt-journal"
"""The journal's name on its way back: last in the archive, and not yet to be believed."""

_BEGIN: Final = "megatest: results follow"
_NOTHING: Final = "megatest: there is nothing"

Channel = Callable[[int], "list[str]"]
"""Returns the words of ssh that run, over there, so many bytes of shell text from its stdin."""

# $1 the directory, $2 the text for the far end, then ssh's words.  A run directory inside this one
# is another test's: it stays here.
_SEND: Final = """\
cd "$1" || exit 74
text=$2
shift 2
inner=.megatest/away/inner
find . -mindepth 3 -path '*/.megatest/job.sh' | sed 's|/.megatest/job.sh$||' >$inner || exit 74
said=$({
  {
    printf %s "$text"
    tar -cf - --exclude=./.megatest/journal --exclude=./$inner -X $inner . && echo here >&3
  } | "$@" >/dev/null && echo there >&3
} 3>&1 | sort)
[ "$said" = 'here
there' ] && echo ok
"""

_SEND_KIT: Final = """\
cd "$1" || exit 74
text=$2 package=$3
shift 3
said=$({
  {
    printf %s "$text"
    tar -cf - --exclude=__pycache__ "$package" && echo here >&3
  } | "$@" >/dev/null && echo there >&3
} 3>&1 | sort)
[ "$said" = 'here
there' ] && echo ok
"""

_FETCH: Final = """\
cd "$1" || exit 74
text=$2 begin=$3 nothing=$4
shift 4
rm -f .mt-journal
said=$({
  { printf %s "$text" | "$@" && echo there >&3; } | {
    while IFS= read -r line; do
      [ "$line" != "$begin" ] || break
      [ "$line" != "$nothing" ] || { echo gone >&3; break; }
    done
    tar -xpof - && echo here >&3
    cat >/dev/null
  }
} 3>&1 | sort)
case $said in
  *gone*) echo gone ;;
  'here
there') echo ok ;;
esac
"""

_RECEIVE: Final = """\
part={part}
# What broken connections of engines that died have left.
find "${{part%/*}}" -maxdepth 1 -name '*.part' -mtime +2 -exec rm -rf {{}} + 2>/dev/null
mkdir -p "$part" && cd "$part" && tar -xpof - &&
  mv -f .megatest/away/job.sh .megatest/job.sh &&
  for file in megatest.sh megatest.csh; do
    [ ! -e ".megatest/away/$file" ] || mv -f ".megatest/away/$file" "$file" || exit 1
  done
code=$?
cat >/dev/null
exit $code
"""

# Whoever comes second finds the name taken; what both brought is the same.
_RECEIVE_KIT: Final = """\
kit={kit}
part=$kit.$$
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
if ! cd {directory} 2>/dev/null; then
  echo {nothing}
  exit 0
fi
rm -rf .megatest/away/back
mkdir -p .megatest/away/back
[ ! -e .megatest/journal ] || cp .megatest/journal .megatest/away/back/{journal} || exit 1
[ -e .megatest/away/back/{journal} ] || : >.megatest/away/back/{journal}
echo {begin}
exec tar -cf - --exclude=./.megatest --exclude=./megatest.sh --exclude=./megatest.csh . \
  -C .megatest/away/back {journal}
"""


def send(run_dir: str, directory: str, channel: Channel) -> Command:
    """Return what copies a run directory to ``DIRECTORY.part`` over there."""
    text = _RECEIVE.format(part=shlex.quote(f"{directory}.part"))
    return _command(_SEND, "send", run_dir, text, *channel(len(text.encode())))


def send_kit(parent: str, package: str, kit: str, channel: Channel) -> Command:
    """Return what copies a package of Python, with a script that finds a Python for it."""
    text = _RECEIVE_KIT.format(kit=shlex.quote(kit), python=_PYTHON)
    return _command(_SEND_KIT, "send", parent, text, package, *channel(len(text.encode())))


def fetch(directory: str, run_dir: str, channel: Channel) -> Command:
    """Return what brings everything from a directory over there into the run directory here."""
    text = _GIVE.format(
        directory=shlex.quote(directory),
        nothing=shlex.quote(_NOTHING),
        begin=shlex.quote(_BEGIN),
        journal=JOURNAL,
    )
    return _command(_FETCH, "fetch", run_dir, text, _BEGIN, _NOTHING, *channel(len(text.encode())))


def _command(script: str, *words: str) -> Command:
    return Command(argv=("/bin/sh", "-c", script, *words))
