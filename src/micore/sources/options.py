"""The options of a source, checked when it is made; an error names the setting and never shows a secret."""

from __future__ import annotations

from micore.errors import SettingsError


def header_text(source: str, option: str, value: str, *, cabinet: str) -> str:
    """A value that may stand in a header; raises SettingsError without showing it."""
    text = value.strip()
    if not text:
        raise SettingsError(
            setting(source, option), received="nothing", allowed=f"the value from {cabinet}'s seller cabinet"
        )
    if not (text.isascii() and text.isprintable()):
        raise SettingsError(setting(source, option), received="other than plain characters", allowed="printable ASCII")
    return text


def whole_number(source: str, option: str, value: str, maximum: int) -> int:
    """A number of days; raises SettingsError outside of 1 to `maximum`."""
    if not value.isdecimal() or not 1 <= int(value) <= maximum:
        raise SettingsError(
            setting(source, option), received=repr(value[:40]), allowed=f"a whole number from 1 to {maximum}"
        )
    return int(value)


def setting(source: str, option: str) -> str:
    """The setting behind an option, as people write it."""
    return f"MICORE_{source.upper()}_{option.upper()}"
