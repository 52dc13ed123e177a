"""The manual's pages about the command lines."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from megatest.cli import intest
from megatest.cli.manual import classic_page, commands_page
from megatest.cli.modern import COMMANDS, IN_TEST
from megatest.cli.options import OPTIONS
from megatest.cli.spoken import group

MANUAL = Path(__file__).parents[3] / "docs" / "manual"
AGAIN = "write the pages again with: python -m megatest.cli.manual docs/manual"


def test_the_page_about_the_original_options_is_up_to_date() -> None:
    assert (MANUAL / "classic.md").read_text() == classic_page(), AGAIN


def test_the_page_about_the_commands_is_up_to_date() -> None:
    assert (MANUAL / "commands.md").read_text() == commands_page(), AGAIN


def test_every_option_of_the_original_is_in_the_manual() -> None:
    page = (MANUAL / "classic.md").read_text()
    for word, option in OPTIONS.items():
        assert f"`{word}{f' {option.values}' if option.values else ''}`" in page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_in_the_manual(name: str) -> None:
    page = (MANUAL / "commands.md").read_text()
    assert f"\n## {name}\n" in page
    command = group.get_command(click.Context(group), name)
    assert command is not None
    for param in command.params:
        if isinstance(param, click.Option):
            for word in param.opts:
                assert f"`{word}" in page


@pytest.mark.parametrize("name", IN_TEST)
def test_every_command_for_inside_a_test_is_in_the_manual(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (MANUAL / "commands.md").read_text()
    assert intest.main([name, "--help"]) == 0
    usage = capsys.readouterr().out.splitlines()[0]
    for word in usage.replace("[", " ").replace("]", " ").split()[1:]:
        assert word in page
