"""A second command on a run that an engine holds: it watches, and answers for what it asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from area_kit import AreaKit, make_area, wait_for_file

RUN = ("-t", "ubuntu/nfs", "-n", "w1")
TELL = """\
if [ "$COLOUR" = green ]; then exit 1; fi
touch begun
while [ ! -e enough ]; do sleep 0.05; done
"""


@pytest.fixture
def area(tmp_path: Path) -> AreaKit:
    """An area with a test whose item green fails, and whose item red passes when told by a file."""
    kit = make_area(tmp_path / "area")
    kit.add_test("paint", TELL, "[items]\nCOLOUR red green\n")
    return kit


def test_a_command_that_joins_answers_for_the_items_that_it_asked_for(area: AreaKit) -> None:
    engine = area.start("run", "paint", *RUN)
    red = area.home / "runs/ubuntu/nfs/w1/paint/red"
    wait_for_file(red / "begun")
    joined = area.start("run", "paint/red", *RUN)
    assert joined.stdout is not None
    assert "it gets the request" in joined.stdout.readline()
    (red / "enough").touch()
    said = [command.communicate(timeout=60)[0] for command in (engine, joined)]
    assert [engine.returncode, joined.returncode] == [1, 0], said
