"""The manifest of a backup: what its archive holds, to the byte, and a code that only the recovery key can make.

Its bytes are canonical (sorted keys, no spaces, ASCII), so that one manifest has one form and a changed byte is seen.
"""

from __future__ import annotations

import hmac
import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from micore.storage.recovery_key import RecoveryKey

FORMAT = 1
LONGEST_BYTES = 1_000_000
MAC_PURPOSE = "micore backup manifest"

Sha256 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Count = Annotated[int, Meta(ge=0, le=2**62)]
Kind = Literal["database", "configuration", "secrets", "log"]

NAMES: dict[Kind, re.Pattern[str]] = {
    "database": re.compile(r"database\.zst"),
    "configuration": re.compile(r"configuration\.env\.zst"),
    "secrets": re.compile(r"secrets\.sealed"),
    # Together with `log/` it fits the header's field, and none of these signs means anything to a file system.
    "log": re.compile(r"log/[A-Za-z0-9][A-Za-z0-9._-]{0,90}"),
}
COMPRESSED: frozenset[Kind] = frozenset({"database", "configuration"})
"""Kinds that are stored as one zstd frame; the others are stored as they are."""


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """One file of an archive. `stored_*` is what lies in the archive, the other two what it unpacks to."""

    name: str
    kind: Kind
    stored_bytes: Count
    stored_sha256: Sha256
    bytes: Count
    sha256: Sha256


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup is and holds, in the order in which its archive holds it."""

    id: Annotated[str, Meta(pattern=r"\A[0-9a-f]{8}\Z")]
    made_at: datetime
    program: Annotated[str, Meta(max_length=100)]
    schema: Annotated[str, Meta(pattern=r"\A[0-9]{4}\Z")]
    database: Literal["sqlite", "postgresql"]
    sequence: Count
    """The last number of the journal in the copy of the database; 0 where there is none."""
    rows: dict[str, Count]
    parts: tuple[Part, ...]
    format: int = FORMAT

    def part(self, kind: Kind) -> Part | None:
        """The first part of a kind; None when the archive has none."""
        return next((part for part in self.parts if part.kind == kind), None)


class _Signed(Manifest, frozen=True, forbid_unknown_fields=True, kw_only=True):
    mac: Sha256


class ManifestProblem(ValueError):  # noqa: N818 - becomes an ArchiveError where the file's name is known
    """What is wrong with a manifest, for an error that names its file."""


def encoded(manifest: Manifest, key: RecoveryKey) -> bytes:
    """The bytes of `manifest.json`, with their code. Raises ManifestProblem for what could not be read again."""
    facts = _facts(manifest)
    problem = _problem(manifest)
    data = _canonical({**facts, "mac": _mac(facts, key)})
    if problem is None and len(data) > LONGEST_BYTES:
        problem = f"it has {len(data):,} bytes, the most is {LONGEST_BYTES:,}"
    if problem is not None:
        raise ManifestProblem(problem)
    return data


def decoded(data: bytes, key: RecoveryKey) -> Manifest:
    """The manifest in these bytes, which only the holder of the key can have written. Raises ManifestProblem."""
    if len(data) > LONGEST_BYTES:
        raise ManifestProblem(f"its manifest has {len(data):,} bytes, the most is {LONGEST_BYTES:,}")
    try:
        version = msgspec.json.decode(data, type=_Version).format
        if version != FORMAT:
            raise ManifestProblem(f"it is of format {version}, this micore reads format {FORMAT}")
        signed = msgspec.json.decode(data, type=_Signed)
        facts = _facts(signed)
        mac = facts.pop("mac")
        canonical = _canonical({**facts, "mac": mac})
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, OverflowError) as error:
        raise ManifestProblem(f"its manifest cannot be read ({str(error)[:200]})") from None
    if canonical != data:
        raise ManifestProblem("its manifest is not in the form that micore writes")
    if not hmac.compare_digest(mac, _mac(facts, key)):
        raise ManifestProblem("its manifest was changed, or made with another recovery key")
    manifest = Manifest(**{name: getattr(signed, name) for name in Manifest.__struct_fields__})
    problem = _problem(manifest)
    if problem is not None:
        raise ManifestProblem(problem)
    return manifest


class _Version(Struct):
    format: int


def _problem(manifest: Manifest) -> str | None:
    """What no manifest of ours has; None when all is well."""
    names = [part.name for part in manifest.parts]
    if len(set(names)) != len(names):
        return "two of its parts have the same name"
    if [part.kind for part in manifest.parts].count("database") != 1:
        return "it does not hold exactly one database"
    for part in manifest.parts:
        if not NAMES[part.kind].fullmatch(part.name):
            return f"a part of kind {part.kind} is called {part.name[:100]!r}"
        if part.kind not in COMPRESSED and (part.bytes, part.sha256) != (part.stored_bytes, part.stored_sha256):
            return f"{part.name} would change while it is unpacked"
    return None


def _facts(manifest: Manifest) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(manifest)
    facts["made_at"] = _spelled(manifest.made_at)
    return facts


def _spelled(instant: datetime) -> str:
    """ISO 8601 in UTC, to the second."""
    if instant.tzinfo is None:
        raise ManifestProblem("its instant has no zone")
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _canonical(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _mac(facts: dict[str, Any], key: RecoveryKey) -> str:
    return hmac.digest(key.derived(MAC_PURPOSE), _canonical(facts), "sha256").hex()
