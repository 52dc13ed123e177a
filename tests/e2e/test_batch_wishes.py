"""What an area says about a batch system reaches its submit command: a stand-in notes what it gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from area_kit import CONFIG, AreaKit, make_area

# Runs the tasks of an array one after another, at once, and forgets them.
SBATCH = """\
#!/bin/sh
echo "$@" >> "$TOOLS/submitted"
for word; do
  case $word in
    --array=*) last=${word#--array=1-} ;;
    --wrap=*) wrap=${word#--wrap=} ;;
  esac
done
task=1
while [ "$task" -le "$last" ]; do
  SLURM_ARRAY_TASK_ID=$task sh -c "$wrap"
  task=$((task + 1))
done
echo 77
"""

AREA = (
    CONFIG
    + """
[jobtools]
executor slurm

[pools]
boards 4

[executor slurm]
partition  short
account    all
options    --nice=5
"""
)

WISHES = """\
[requirements]
cpus       2
memory     3G
gpus       1
walltime   90s
licenses   sim:2,synth
queue      long
constraint bigmem
options    --exclusive
diskspace  1G
boards     2
"""


@pytest.fixture
def area(tmp_path: Path) -> AreaKit:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", "#!/bin/sh\nexit 0\n")):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    return make_area(tmp_path / "area", AREA)


def run(kit: AreaKit) -> list[list[str]]:
    """Run everything; return the words of each submission."""
    tools = kit.home.parent / "tools"
    more = {"PATH": f"{tools}:{kit.environment()['PATH']}", "TOOLS": str(tools)}
    done = kit.megatest("run", "%", "-t", "ubuntu/nfs", "-n", "w1", more=more)
    assert done.code == 0, done.said
    return [line.split() for line in (tools / "submitted").read_text().splitlines()]


def test_each_wish_becomes_the_option_that_slurm_has_for_it(area: AreaKit) -> None:
    area.add_test("big", more=WISHES)
    [words] = run(area)
    assert {
        "--cpus-per-task=2",
        "--mem=3072M",
        "--gpus=1",
        "--time=00:01:30",
        "--licenses=sim:2,synth:1",
        "--partition=long",
        "--account=all",
        "--constraint=bigmem",
        "--nice=5",
        "--exclusive",
    } <= set(words)
    assert not [word for word in words if "diskspace" in word or "boards" in word]


def test_tests_that_ask_for_the_same_are_one_submission(area: AreaKit) -> None:
    area.add_test("many", more="[items]\nN 1 2 3\n")
    area.add_test("other")
    area.add_test("big", more="[requirements]\ncpus 2\n")
    submitted = run(area)
    arrays = sorted(word for words in submitted for word in words if word.startswith("--array"))
    assert arrays == ["--array=1-1", "--array=1-4"]


def test_the_slots_of_the_section_are_the_most_that_are_submitted(area: AreaKit) -> None:
    (area.home / "megatest.config").write_text(f"{AREA}slots 2\n")
    area.add_test("many", more="[items]\nN 1 2 3 4 5\n")
    submitted = run(area)
    arrays = [word for words in submitted for word in words if word.startswith("--array")]
    assert sum(int(word.removeprefix("--array=1-")) for word in arrays) == 5
    assert max(int(word.removeprefix("--array=1-")) for word in arrays) == 2


def test_what_a_batch_system_has_no_words_for_is_said_before_anything_starts(area: AreaKit) -> None:
    for name in ("big", "bigger", "biggest"):
        area.add_test(name, more=WISHES)
    (area.home / "megatest.config").write_text(f"{AREA}\n[executor overnight]\ntype flux\n")
    words = ("run", "%", "-t", "ubuntu/nfs", "-n", "w1", "--dry-run", "--executor", "overnight")
    said = area.megatest(*words).err
    for wish in ("memory", "licenses"):
        assert (
            f"warning: executor overnight has no words for '{wish}' in [requirements]: "
            "big and 2 more are submitted without it"
        ) in said
    assert said.count("no words for") == 2


def test_nothing_is_said_of_wishes_that_are_passed_on_or_that_no_queue_is_asked_for(area: AreaKit) -> None:
    area.add_test("big", more=WISHES)
    for executor in ("slurm", "local"):
        words = ("run", "%", "-t", "ubuntu/nfs", "-n", "w1", "--dry-run", "--executor", executor)
        assert area.megatest(*words).err == ""
