"""An empty word for a pattern, as from an unset variable, never means all tests."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from megatest.cli import spoken
from megatest.cli.declare import Value
from megatest.cli.modern import COMMANDS, declared
from megatest.cli.plain import read

TAKE_PATTERNS = [
    name for name in COMMANDS if any(each.value is Value.PATTERN for each in declared(name).parameters)
]
REQUIRED = {"set": ["--reason", "x", "--status", "PASS"]}


def test_every_argument_that_is_a_pattern_is_declared_as_one() -> None:
    arguments = [each for name in COMMANDS for each in declared(name).parameters if not each.words]
    patterns = [each for each in arguments if each.name.startswith("pattern")]
    assert len(patterns) > 6
    assert all(each.value is Value.PATTERN for each in patterns)


@pytest.mark.parametrize("name", TAKE_PATTERNS)
@pytest.mark.parametrize("words", [[""], [" "]])
def test_an_empty_pattern_is_refused(
    name: str, words: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = [*words, *REQUIRED.get(name, [])]
    assert read(declared(name), line) is None
    assert spoken.run([name, *line]) == 2
    assert "an empty pattern matches no test; % means all" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["list", "wait", "run", "values", "triage"])
def test_a_pattern_that_is_not_there_is_no_empty_one(name: str) -> None:
    assert read(declared(name), []) is not None
