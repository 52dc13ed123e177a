"""Compile every source file of a module or package in memory; print facts about it."""

import marshal
import sys
import sysconfig
from pathlib import Path


def sources(name: str) -> list[Path]:
    """Return the source files of a top-level module or package of the standard library."""
    place = Path(sysconfig.get_path("stdlib"), name)
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


def compiled_bytes(file: Path) -> int:
    """Return the size of the bytecode of `file`, after reading back what would be written."""
    code = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
    written = marshal.dumps(code)
    if marshal.loads(written) != code:
        sys.exit(f"{file}: the bytecode read back is not what was written")
    return len(written)


files = sources(sys.argv[1])
if not files:
    sys.exit(f"{sys.argv[1]}: no source file found")
sizes = [compiled_bytes(file) for file in files]
print("files", len(files))
print("source_bytes", sum(file.stat().st_size for file in files))
print("bytecode_bytes", sum(sizes))
