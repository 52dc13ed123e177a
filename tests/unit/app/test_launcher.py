from __future__ import annotations

import pytest

from megatest.app.launcher import COMMAND, Choice, choose
from megatest.model.ids import TestId
from megatest.model.spec import Area, Field

LINE = "bsub -R select[mem>100] -J $MT_TEST_NAME"
WORDS = "bsub -R 'select[mem>100]' -J '$MT_TEST_NAME'"


def area(*, use_shell: bool, flexible: bool = False) -> Area:
    return Area(
        home="/area",
        config_file="/area/megatest.config",
        name="area",
        fields=(Field(name="X"),),
        linktree="/area/lt",
        launcher="" if flexible else LINE,
        flexi_launcher=flexible,
        launchers=(("%", "far"),),
        host_types={"far": LINE},
        use_shell=use_shell,
    )


@pytest.mark.parametrize("flexible", [False, True])
def test_a_launcher_line_is_the_shells(flexible: bool) -> None:
    assert choose(area(use_shell=True, flexible=flexible), TestId("a"), {}) == Choice(COMMAND, LINE)


@pytest.mark.parametrize("flexible", [False, True])
def test_without_the_shell_the_words_of_a_launcher_line_mean_themselves(flexible: bool) -> None:
    assert choose(area(use_shell=False, flexible=flexible), TestId("a"), {}) == Choice(COMMAND, WORDS)


def test_without_the_shell_the_line_of_an_executor_that_was_asked_for_means_itself_too() -> None:
    assert choose(area(use_shell=False), TestId("a"), {}, COMMAND) == Choice(COMMAND, WORDS)
