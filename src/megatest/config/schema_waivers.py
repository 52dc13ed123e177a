"""The schema of ``waivers.config``."""

from __future__ import annotations

from megatest.typed import Final

from megatest.config.kind import Kind
from megatest.config.schema import FileSchema, Section, Setting

SECTION: Final = "TEST SIGNATURE"

WAIVERS: Final = FileSchema(
    "waivers.config",
    "known failures that count as WAIVED; written by `megatest waive`, and by hand",
    (
        Section(
            name=SECTION,
            doc="one failure of one test or item: its name, and the signature that `megatest show` prints",
            settings=(
                Setting(key="reason", kind=Kind.TEXT, doc="why the failure is accepted; required"),
                Setting(key="owner", kind=Kind.TEXT, doc="who answers for it; required"),
                Setting(key="expires", kind=Kind.TEXT, doc="its last day, as YYYY-MM-DD; without it, never"),
                Setting(key="since", kind=Kind.TEXT, doc="the day on which it was given, as YYYY-MM-DD"),
                Setting(key="target", kind=Kind.WORDS, doc="it holds for these targets; without it, for all"),
                Setting(key="failure", kind=Kind.TEXT, doc="what the failure looks like, for readers"),
            ),
        ),
    ),
)
