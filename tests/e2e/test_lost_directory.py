from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MEGATEST = Path(sys.executable).with_name("megatest")


@pytest.mark.parametrize("words", ["list", "-list-runs %", "run"])
def test_a_command_from_a_directory_that_is_gone_says_so(tmp_path: Path, words: str) -> None:
    line = f"mkdir gone && cd gone && rmdir ../gone && exec {MEGATEST} {words}"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "the current directory does not exist any more" in done.stderr
