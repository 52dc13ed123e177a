"""The manual's pages about the command lines, made from the commands and the table of options.

``python -m megatest.cli.manual docs/manual`` writes them again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click

from megatest.cli.classic import ORDER, accept
from megatest.cli.modern import COMMANDS
from megatest.cli.options import GROUPS, Kind, Option
from megatest.cli.spoken import group

_COMMANDS_HEAD: Final = """# Commands

`megatest COMMAND --help` says the same at the terminal, and `megatest completion bash` makes a shell
complete it. The original's command line works too: see [The original's options](classic.md).

What most commands share:

* The **area** is the nearest directory upward with a `megatest.config`, unless `MT_RUN_AREA_HOME` or
  `-C`, `--area DIR` names another. `--config-name NAME` is for areas whose file has another name.
* The **run** is named by its target and its run name. `-t`, `--target A/B/C` gives a value for each field;
  without it `run` takes `[setup] target`, else the only target that `runconfigs.config` names. `-n`,
  `--runname NAME` is today's date for `run` unless given, so that a second `megatest run` on a day goes
  on with that day's run. All other commands mean the newest run that fits.
* A **PATTERN** is a comma list of `TEST` or `TEST/ITEM`. `%` and `*` stand for any text, `?` for one
  character, `[a-c]` for one of a set; `re:` begins a regular expression; a leading `~` negates. For `run`,
  a test or an item that is named without any of these must exist.
* `--json` prints what a program can read. Results go to standard output, messages to standard error.

| exit status | meaning |
|---|---|
| 0 | all is well |
| 1 | a test is not good, or something of the request could not be done |
| 2 | wrong use, wrong configuration |
| 3 | the machine, a disk or the database does not play along |
| 5, 6 | an in-test command outside a test; without its words |
| 70 | a defect of ours; a report was kept |
| 130 | interrupted |

This page is made from the commands themselves (`megatest.cli.manual`); do not edit it.
"""

_IN_TEST_PAGE: Final = """## Inside a test

These append one line to the test's journal and return within milliseconds. `megatest.sh` and
`megatest.csh` in the run directory set what they need, for use by hand.

    megatest step NAME STATE STATUS [-m TEXT] [--log FILE]
    megatest status STATE STATUS [-m TEXT]
    megatest log-file FILE [--top]
    megatest value VARIABLE VALUE [--category C] [--expected E] [--tol T] [--units U]
                   [--type T] [--status S] [-m TEXT]

`step` records that a step is in a state (`start`, `end`) with a status (its exit code, or a word).
`status` says how the test itself stands: `megatest status COMPLETED WARN -m "slow"`. `log-file` names
the log that a reader should open, `--top` that of the test above the items. `value` records a measured
value; with `--expected` and `--tol` it passes or fails.
"""

_EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "run": (
        "megatest run",
        "megatest run compile 'regress/%' -t main/linux -n nightly -j 8",
        "megatest run --failed",
        "megatest run --dry-run",
    ),
    "list": ("megatest list --runs", "megatest list --bad", "megatest list 'regress/%' --json"),
    "show": ("megatest show regress/3",),
    "why": ("megatest why regress/3",),
    "log": ("megatest log regress/3", "megatest log regress/3 build -f"),
    "wait": ("megatest wait -n nightly --timeout 3600",),
    "kill": ("megatest kill 'soak/%' --reason 'the machine is needed'",),
    "rm": ("megatest rm % -n 'nightly%' --dry-run", "megatest rm regress/3 -y"),
    "set": ("megatest set regress/3 --status WAIVED --reason 'known: bug 123'",),
    "triage": ("megatest triage", "megatest triage 'regress/%' --runs 'nightly%'"),
    "waive": (
        "megatest waive regress/3 --reason 'bug 123' --owner ann --expires 2027-01-31",
        "megatest waive --list",
        "megatest waive --remove regress/3",
    ),
    "lock": ("megatest lock -n release-2",),
    "init": ("megatest init suite && cd suite && megatest run",),
    "new": ("megatest new regress",),
    "config": (
        "megatest config get setup linktree",
        "megatest config show --origins",
        "megatest config show --test regress --json",
    ),
    "values": ("megatest values 'regress/%' --variable timing/setup", "megatest values --status fail --json"),
    "completion": ('eval "$(megatest completion bash)"',),
}

_CLASSIC_HEAD: Final = """# The original's options

A command line whose first word begins with `-` or `:` is read as the original's: an option is an exact
word anywhere on the line, one that takes a value takes the next word, and `:NAME VALUE` gives a field
of the target. So these say the same:

    megatest -runtests compile,regress :release main :os linux :runname w1
    megatest -run -target main/linux -runname w1 -testpatt compile,regress
    megatest run compile,regress -t main/linux -n w1

A run ends with exit status 0 even if tests fail, as the original's did; `megatest run` ends with 1 then.
Something unknown or missing on the line is an error (2); a missing `-testpatt` where it is needed is 3,
no run where one is needed is 1.

This page is made from the program's own table (`megatest.cli.options`); do not edit it.
"""

_SHARED: Final = frozenset({"target", "runname", "area", "config_name"})
"""Options that are explained once."""


def commands_page() -> str:
    """Return the page about the modern commands as Markdown; imports every command."""
    return "\n".join([_COMMANDS_HEAD, *(_command(name) for name in COMMANDS), _IN_TEST_PAGE])


def _command(name: str) -> str:
    context = click.Context(group, info_name="megatest")
    command = group.get_command(context, name)
    assert command is not None, f"{name} is in the table of commands"
    lines = list(_section(command, name, context, "##"))
    if isinstance(command, click.Group):
        inner = click.Context(command, info_name=name, parent=context)
        for each in command.list_commands(inner):
            sub = command.get_command(inner, each)
            assert sub is not None, f"{each} is a command of {name}"
            lines += _section(sub, f"{name} {each}", inner, "###")
    lines += [f"    {example}" for example in _EXAMPLES.get(name, ())]
    return "\n".join(lines) + ("\n" if name in _EXAMPLES else "")


def _section(command: click.Command, name: str, parent: click.Context, mark: str) -> Iterator[str]:
    context = click.Context(command, info_name=command.name, parent=parent)
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"{mark} {name}\n\n`megatest {name} {usage}`\n"
    yield f"{_paragraphs(command.help or '')}\n"
    options = [p for p in command.params if isinstance(p, click.Option)]
    own = [option for option in options if option.name not in _SHARED]
    if own:
        yield "| option | what it does |\n|---|---|"
        yield from (_option_row(option) for option in own)
        yield ""
    shared = [f"`{_names(option)[0]}`" for option in options if option.name in _SHARED]
    if shared:
        yield f"And {', '.join(shared)}, as above.\n"


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _names(option: click.Option) -> list[str]:
    return sorted(option.opts, key=len)


def _option_row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in _names(option))
    return f"| {names}{_value(option)} | {_cell(option.help or '')} |"


def _value(option: click.Option) -> str:
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return f" `{{{','.join(map(str, option.type.choices))}}}`"
    return f" `{option.metavar or 'N'}`"


def classic_page() -> str:
    """Return the page about the original's options as Markdown."""
    order = ", ".join(f"`-{name}`" for names, action in ORDER if action is not accept for name in names)
    note = f"The actions of one line are done in this order, whatever theirs on the line: {order}.\n"
    return "\n".join([_CLASSIC_HEAD, note, *(_group(title, options) for title, options in GROUPS)])


def _group(title: str, options: Sequence[Option]) -> str:
    rows = [f"## {title}", "", "| option | what it does | modern command |", "|---|---|---|"]
    for option in options:
        words = ", ".join(f"`{' '.join((word, option.values)).strip()}`" for word in option.spellings)
        modern = _modern(option.modern)
        rows.append(f"| {words} | {_cell(option.text)}{_kind(option)} | {modern} |")
    return "\n".join(rows) + "\n"


def _kind(option: Option) -> str:
    return " (an action)" if option.kind is Kind.ACTION else ""


def _modern(words: str) -> str:
    if not words:
        return ""
    command = words.split()[0].rstrip(",;")
    full = f"megatest {words}" if command in {*COMMANDS, "step", "status", "log-file", "value"} else words
    return f"`{_cell(full)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(directory: str) -> None:
    """Write the pages into the manual's directory."""
    for name, page in (("commands.md", commands_page()), ("classic.md", classic_page())):
        Path(directory, name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
