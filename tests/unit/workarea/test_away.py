"""Run directories that travel: what is sent, and what of the journal over there is here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from megatest.executors import carry
from megatest.executors.call import Command, Reply
from megatest.executors.carry import Parcel
from megatest.workarea.away import Luggage, moved, read_note
from megatest.workarea.quote import sh_quote


def _luggage(tmp_path: Path) -> Luggage:
    shim = tmp_path / "lib/megatest/workarea/shim"
    shim.mkdir(parents=True)
    return Luggage(shim_dir=str(shim), package=str(tmp_path / "lib/megatest"))


def _run_dir(tmp_path: Path, name: str = "it's a $(run) `dir` [x]*") -> Path:
    run_dir = tmp_path / name
    (run_dir / ".megatest").mkdir(parents=True)
    (run_dir / ".megatest/job.sh").write_text("#!/bin/sh\n")
    return run_dir


def _local_channel(size: int) -> list[str]:
    return ["/bin/sh", "-c", f'eval "$(dd bs=1 count={size} 2>/dev/null)"']


def _call(command: Command, path: str = "/usr/bin:/bin") -> Reply:
    done = subprocess.run(command.argv, capture_output=True, text=True, check=False, env={"PATH": path})
    return Reply(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.mark.parametrize("name", ["/runs/a", "/runs/it's", "/runs/a b", "/r/$x`y`"])
def test_a_path_becomes_another_wherever_a_shell_reads_it(name: str) -> None:
    text = f"cd {sh_quote(name)}\nexport A={sh_quote(f'{name}/below')} B={sh_quote(f'{name}2')}\n"
    there = moved(text, name, "/far/copy")
    said = subprocess.run(
        ["/bin/sh", "-c", f'cd() {{ echo "$1"; }}\n{there}\necho "$A"; echo "$B"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.splitlines() == ["/far/copy", "/far/copy/below", f"{name}2"]


def test_the_scripts_of_a_copy_name_its_own_place_and_what_came_with_it(tmp_path: Path) -> None:
    luggage, run_dir = _luggage(tmp_path), _run_dir(tmp_path, "run")
    shim = tmp_path / "lib/megatest/workarea/shim"
    (run_dir / ".megatest/job.sh").write_text(
        f"mt__dir={run_dir}\nexport MT_RUN_AREA_HOME={tmp_path}\nexport MT_MEGATEST={shim}/megatest\n"
        "export MT_PYTHON=/usr/bin/python3\n/usr/bin/python3 tool.py\n"
    )
    (run_dir / "megatest.csh").write_text(f"setenv MT_TEST_RUN_DIR {run_dir}\nsetenv MT_PYTHON /usr/bin/x\n")
    luggage.pack(str(run_dir), "h1", "/far/job.1", "/far/kit")
    new = run_dir / carry.NEW
    assert (new / ".megatest/job.sh").read_text().splitlines() == [
        "mt__dir=/far/job.1",
        f"export MT_RUN_AREA_HOME={tmp_path}",
        "export MT_MEGATEST=/far/kit/megatest/workarea/shim/megatest",
        "export MT_PYTHON=/far/kit/python",
        "/usr/bin/python3 tool.py",
    ]
    assert (new / "megatest.csh").read_text().splitlines() == [
        "setenv MT_TEST_RUN_DIR /far/job.1",
        "setenv MT_PYTHON /far/kit/python",
    ]
    assert luggage.note(str(run_dir)) == ("h1", "/far/job.1")


def test_a_copy_goes_and_comes_back_with_every_name_and_link(tmp_path: Path) -> None:
    luggage, run_dir = _luggage(tmp_path), _run_dir(tmp_path)
    (run_dir / "áb\nc -x").write_text("1")
    (run_dir / "link").symlink_to("/nowhere")
    (run_dir / ".megatest/journal").write_text("stays here\n")
    other = _run_dir(tmp_path, "other")
    copies = [str(tmp_path / f"far/{n}") for n in (1, 2)]
    parcels = []
    for source, copy in zip((run_dir, other), copies, strict=True):
        luggage.pack(str(source), "h1", copy, "/far/kit")
        parcels.append(Parcel(run_dir=str(source), directory=copy))
    assert carry.is_sent(_call(carry.send(parcels, _local_channel)))
    for copy in copies:
        Path(f"{copy}.part").rename(copy)
        with Path(copy, ".megatest/journal").open("x") as journal:
            journal.write("j\n")
    first = Path(copies[0])
    assert (first / "áb\nc -x").read_text() == "1"
    (first / "áb\nc -x").write_text("2")
    (first / "link").unlink()
    (first / "link").write_text("a file now")
    reply = _call(carry.fetch(parcels, _local_channel))
    assert [carry.is_back(reply, parcel) for parcel in parcels] == [True, True]
    assert (run_dir / "áb\nc -x").read_text() == "2"
    assert not (run_dir / "link").is_symlink()
    assert (run_dir / carry.JOURNAL).read_text() == "j\n"
    assert (run_dir / ".megatest/journal").read_text() == "stays here\n"


@pytest.mark.parametrize(
    ("words", "back"),
    [
        ("-cf - --exclude*", [False] * 3),
        ("-xpof -", [False] * 3),
        ("-cf - -C *far/one .", [False, True, True]),
        ("-xpof - -C *runs/one", [False, True, True]),
    ],
)
def test_results_that_one_end_could_not_handle_are_not_back(
    tmp_path: Path, words: str, back: list[bool]
) -> None:
    parcels = []
    for name in ("one", "here", "there"):
        (tmp_path / f"far/{name}/.megatest").mkdir(parents=True)
        (tmp_path / f"far/{name}/file").write_text("x")
        run_dir = str(_run_dir(tmp_path, f"runs/{name}"))
        parcels.append(Parcel(run_dir=run_dir, directory=str(tmp_path / f"far/{name}")))
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin/tar"
    # As on a full disk: it does what it can, and says in the end that it was not all.
    matched = words.replace(" ", "\\ ")
    fake.write_text(
        f'#!/bin/sh\n{shutil.which("tar")} "$@" || exit\ncase "$*" in {matched}) exit 2 ;; esac\n'
    )
    fake.chmod(0o755)
    command = carry.fetch(parcels, _local_channel)
    reply = _call(command, path=f"{tmp_path}/bin:/usr/bin:/bin")
    assert [carry.is_back(reply, parcel) for parcel in parcels] == back


def test_a_copy_that_is_not_there_is_said_to_be_gone_and_others_come_back(tmp_path: Path) -> None:
    there = Parcel(run_dir=str(_run_dir(tmp_path, "one")), directory=str(tmp_path / "far/1"))
    gone = Parcel(run_dir=str(_run_dir(tmp_path, "two")), directory=str(tmp_path / "far/2"))
    (tmp_path / "far/1/.megatest").mkdir(parents=True)
    reply = _call(carry.fetch([there, gone], _local_channel))
    assert carry.is_back(reply, there)
    assert carry.is_gone(reply, gone)
    assert not carry.is_back(reply, gone)
    assert carry.is_gone(_call(carry.fetch([gone], _local_channel)), gone)


def test_the_run_directory_of_a_deeper_item_stays_here(tmp_path: Path) -> None:
    luggage, outer = _luggage(tmp_path), _run_dir(tmp_path, "a")
    _run_dir(tmp_path, "a/b/c")
    (outer / "b/file").write_text("not another test's")
    luggage.pack(str(outer), "h1", str(tmp_path / "far/a"), "/far/kit")
    parcel = Parcel(run_dir=str(outer), directory=str(tmp_path / "far/a"))
    assert carry.is_sent(_call(carry.send([parcel], _local_channel)))
    assert (tmp_path / "far/a.part/b/file").exists()
    assert not (tmp_path / "far/a.part/b/c").exists()


def test_a_stream_that_is_cut_off_between_two_files_is_no_copy(tmp_path: Path) -> None:
    luggage, run_dir = _luggage(tmp_path), _run_dir(tmp_path, "run")
    for n in range(40):
        (run_dir / f"file{n}").write_bytes(b"x" * 512)
    luggage.pack(str(run_dir), "h1", str(tmp_path / "far/1"), "/far/kit")
    parcel = Parcel(run_dir=str(run_dir), directory=str(tmp_path / "far/1"))
    for blocks in (8, 9, 10, 11):
        # tar takes an archive that ends between two members for a whole one: its sender does not.
        cut = 'eval "$(dd bs=1 count=$0 2>/dev/null)"'

        def channel(size: int, cut: str = cut, blocks: int = blocks) -> list[str]:
            return [
                "/bin/sh",
                "-c",
                f"head -c $(($0 + {blocks} * 512)) | sh -c '{cut}' $0; exit 255",
                str(size),
            ]

        assert not carry.is_sent(_call(carry.send([parcel], channel)))


def test_the_journal_here_is_read_on_where_it_ends(tmp_path: Path) -> None:
    luggage, run_dir = _luggage(tmp_path), str(_run_dir(tmp_path, "run"))
    assert luggage.heard(run_dir) == 0
    assert luggage.claim(run_dir)
    assert not luggage.claim(run_dir)
    lines = [b'{"k":"start","pid":1}\n', b'{"k":"step","step":"a"}\n', b'{"k":"exit","code":0}\n']
    luggage.append(run_dir, lines[0])
    luggage.append(run_dir, lines[1])
    assert luggage.heard(run_dir) == len(lines[0]) + len(lines[1])
    Path(run_dir, "back").write_bytes(b"".join(lines))
    luggage.returned(run_dir, "back")
    assert Path(run_dir, ".megatest/journal").read_bytes().endswith(lines[1] + lines[2])
    assert luggage.heard(run_dir) == sum(map(len, lines))
    assert not Path(run_dir, "back").exists()


def test_only_the_copy_that_is_noted_is_forgotten(tmp_path: Path) -> None:
    luggage, run_dir = _luggage(tmp_path), str(_run_dir(tmp_path, "run"))
    luggage.pack(run_dir, "h1", "/far/1", "/far/kit")
    luggage.pack(run_dir, "h2", "/far/2", "/far/kit")
    luggage.forget(run_dir, "/far/1")
    note = read_note(run_dir)
    assert note is not None
    assert (note.host, note.directory) == ("h2", "/far/2")
    luggage.forget(run_dir, "/far/2")
    assert read_note(run_dir) is None
    assert not Path(run_dir, ".megatest/away").exists()


@pytest.mark.parametrize(
    ("line", "final"),
    [
        (b'{"k":"exit","code":0}', True),
        (b'{"k":"status","state":"COMPLETED","status":"PASS"}', True),
        (b'{"k":"status","state":"RUNNING","status":"WARN"}', False),
        (b'{"k":"step","step":"x","state":"COMPLETED"}', False),
    ],
)
def test_what_says_how_a_test_came_out_is_known(tmp_path: Path, line: bytes, final: bool) -> None:
    assert _luggage(tmp_path).is_final(line) is final


def test_the_name_of_the_kit_changes_with_its_files(tmp_path: Path) -> None:
    luggage = _luggage(tmp_path)
    first = luggage.kit_name()
    assert first == luggage.kit_name()
    (tmp_path / "lib/megatest/new.py").write_text("x")
    again = Luggage(shim_dir="/x", package=str(tmp_path / "lib/megatest"))
    assert again.kit_name() != first
