"""The commands as click has them: help, completion, and what is wrong with a line, in words.

Made from the records of `megatest.cli.declare`; a command's module is imported only when it is used.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import click

from megatest.cli.declare import EMPTY_PATTERN, Command, Misuse, Parameter, Value
from megatest.cli.main import EXIT_INTERRUPTED, print_error
from megatest.cli.modern import COMMANDS, IN_TEST, declared


class Commands(click.Group):
    """Looks commands up by name and imports no other."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name, in the order in which the help shows them."""
        return [*COMMANDS, *IN_TEST]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        return click_command(declared(cmd_name)) if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that a line begins with; name the nearest one if there is none."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; see: megatest --help"
            ctx.fail(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        with formatter.section("Inside a test"):
            formatter.write_dl(list(IN_TEST.items()))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def group() -> None:
    """Run large suites of long tests, keep every result, rerun only what must be.

    The original's command line works too: megatest -runtests a,b -target x/y -runname w1
    (all of its options: megatest -h).
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit status."""
    try:
        result = group.main(args=list(arguments), prog_name="megatest", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        print_error(_told(error))
        return 2
    except click.Abort:
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else 0


def _told(error: click.ClickException) -> str:
    """Return what is wrong with a line as all our errors are written, with the usage as the hint."""
    message = error.format_message().rstrip(".")
    lines = [f"error: {message[:1].lower()}{message[1:]}"]
    if isinstance(error, click.UsageError) and error.ctx is not None:
        usage = error.ctx.get_usage().removeprefix("Usage: ")
        lines.append(f"hint: usage: {usage}; more: {error.ctx.command_path} --help")
    return "\n".join(lines)


def click_command(command: Command) -> click.Command:
    """Return a command as click has it, those below it included."""
    text = inspect.getdoc(command.action)
    if command.commands:
        below = [click_command(each) for each in command.commands]
        return click.Group(command.name, commands=below, help=text)
    # A command that takes words as they are must not look for options among them.
    as_they_are = any(parameter.value is Value.REST for parameter in command.parameters)
    return click.Command(
        command.name,
        params=[_option(each) if each.words else _argument(each) for each in command.parameters],
        callback=_callback(command),
        help=text,
        context_settings=(
            {"ignore_unknown_options": True, "allow_interspersed_args": False} if as_they_are else {}
        ),
    )


def _callback(command: Command) -> Callable[..., int | None]:
    def act(**values: object) -> int | None:
        try:
            return command.action(**values)
        except Misuse as error:
            raise click.BadParameter(error.message, param_hint=error.parameter) from None

    return act


def _option(parameter: Parameter) -> click.Option:
    names = (parameter.name, *parameter.words)
    if parameter.value is Value.FLAG:
        return click.Option(names, is_flag=True, help=parameter.text)
    default: dict[str, Any] = {} if parameter.default is None else {"default": parameter.default}
    return click.Option(
        names,
        type=_type(parameter),
        metavar=parameter.metavar or None,
        help=parameter.text or None,
        show_default=parameter.show_default,
        required=parameter.required,
        multiple=parameter.many,
        **default,
    )


def _argument(parameter: Parameter) -> click.Argument:
    check = _refuse_empty if parameter.value is Value.PATTERN else None
    kind = _type(parameter)
    if parameter.many:
        return click.Argument(
            (parameter.name,), nargs=-1, type=kind, metavar=parameter.metavar or None, callback=check
        )
    if parameter.required:
        return click.Argument((parameter.name,), type=kind, callback=check)
    return click.Argument(
        (parameter.name,), type=kind, required=False, default=parameter.default, callback=check
    )


def _refuse_empty(ctx: click.Context, argument: click.Parameter, value: Any) -> Any:
    """Return a pattern as it is; one that is not on the line may be empty."""
    words = value if isinstance(value, tuple) else (value,)
    is_given = ctx.get_parameter_source(argument.name or "") is click.core.ParameterSource.COMMANDLINE
    if is_given and not all(word.strip() for word in words):
        raise click.BadParameter(EMPTY_PATTERN)
    return value


def _type(parameter: Parameter) -> Any:
    """Return click's type of a value; what it is generic in differs between versions of click."""
    types = {
        Value.TEXT: click.STRING,
        Value.PATTERN: click.STRING,
        Value.CHOICE: click.Choice(parameter.choices),
        Value.COUNT: _Count(min=1),
        Value.SECONDS: _Seconds(min=0),
        Value.DIRECTORY: click.Path(file_okay=False),
        Value.REST: click.UNPROCESSED,
    }
    return types[parameter.value]


class _Count(click.IntRange):
    """By its name it is called in messages."""

    name = Value.COUNT.value


class _Seconds(click.FloatRange):
    """By its name it is called in messages."""

    name = Value.SECONDS.value
