"""What the files may say: every known section and key, with type, default and a line of explanation.

`megatest check` and the settings page of the manual come from these tables, and so do the defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from megatest.config.kind import Kind
from megatest.model.slotted import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key of a section.

    Attributes:
        key: its name.
        kind: of its value.
        doc: one sentence, without a full stop.
        default: what holds without it, as it would be written; empty for nothing.
        aliases: other names of it, older or from other versions.
        ignored: accepted, so that files of the original pass, and without effect.
    """

    key: str
    kind: Kind
    doc: str
    default: str = ""
    aliases: tuple[str, ...] = ()
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a file.

    Attributes:
        name: as in the header; ``NAME`` in it stands for a word of the user's.
        doc: what it is for.
        settings: its known keys.
        entry: what the user's own keys mean, as ``KEY VALUE``; empty if only known keys have a meaning.
        entry_doc: what they say.
        ignored: as of a `Setting`, for the whole section.
    """

    name: str
    doc: str
    settings: tuple[Setting, ...] = ()
    entry: str = ""
    entry_doc: str = ""
    ignored: bool = False

    def names(self) -> Iterator[str]:
        """Yield all names of its known keys."""
        for setting in self.settings:
            yield setting.key
            yield from setting.aliases


class FileSchema:
    """One kind of file: its name, what it is for, its sections in the manual's order."""

    def __init__(self, name: str, doc: str, sections: Sequence[Section]) -> None:
        self.name = name
        self.doc = doc
        self.sections = {section.name: section for section in sections}
        self._settings = {
            (section.name, key): setting
            for section in sections
            for setting in section.settings
            for key in (setting.key, *setting.aliases)
        }

    def section(self, name: str) -> Section | None:
        """Return the section of this name; ``executor slurm`` is an ``executor NAME``."""
        known = self.sections.get(name)
        if known is None and " " in name:
            known = self.sections.get(name.split(" ", 1)[0] + " NAME")
        return known

    def setting(self, section: str, key: str) -> Setting | None:
        """Return the setting of this name, or that has it as another name."""
        return self._settings.get((section, key))
