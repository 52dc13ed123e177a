"""What a rule file and its hooks may reach outside: exactly what the caller gives."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping

from megatest.model.slotted import dataclass, field


def _nothing(name: str) -> bytes:
    raise FileNotFoundError(2, "no file may be loaded here", name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The outside world; the default has none.

    Attributes:
        read_file: returns the bytes of a file that ``load`` names; raises OSError.
        exists: whether a file that ``file-exists?`` names is there.
        environ: the variables that ``get-environment-variable`` sees and ``setenv`` changes.
        run_shell: runs a shell line, for hooks and ``system``, and returns its exit status; without it hooks
            are accepted and ignored, and ``system`` is unknown.  It is to run it with `environ`.
        write: receives what the rule file prints.
    """

    read_file: Callable[[str], bytes] = _nothing
    exists: Callable[[str], bool] = lambda name: False
    environ: MutableMapping[str, str] = field(default_factory=dict)
    run_shell: Callable[[str], int] | None = None
    write: Callable[[str], None] | None = None
