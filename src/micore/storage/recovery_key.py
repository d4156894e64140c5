"""The recovery key: 32 random bytes in a file of the data root, from which every key of backups is derived.

As text it is 14 groups of four letters and figures (base32) whose end checks the rest, so that a mistyped key is told
apart from the key of another installation.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from micore.errors import RecoveryKeyError
from micore.storage.durable import make_folder, sync_folder

FILE_NAME = "recovery.key"
SECRET_BYTES = 32
_CHECK_BYTES = 3  # with the secret 35 bytes: 56 signs of base32, nothing left over
_GROUP = 4
_LOOK_ALIKE = str.maketrans({"0": "O", "1": "I", "8": "B"})  # figures that base32 has not
_LONGEST_FILE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class RecoveryKey:
    """What a person must keep elsewhere: without it no backup can be restored on another machine."""

    secret: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """As people copy it: XXXX-XXXX-…, 14 groups."""
        signs = base64.b32encode(self.secret + _check(self.secret)).decode()
        return "-".join(signs[at : at + _GROUP] for at in range(0, len(signs), _GROUP))

    def derived(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose (HKDF-SHA256); one purpose's key tells nothing about another's."""
        extracted = hmac.digest(bytes(hashlib.sha256().digest_size), self.secret, "sha256")
        return hmac.digest(extracted, purpose.encode() + b"\x01", "sha256")

    @classmethod
    def parse(cls, text: str) -> RecoveryKey:
        """The key that a person typed, in any case, with or without hyphens. Raises RecoveryKeyError."""
        signs = "".join(text.split()).replace("-", "").upper().translate(_LOOK_ALIKE)
        expected = (SECRET_BYTES + _CHECK_BYTES) * 8 // 5
        if len(signs) != expected:
            raise _mistyped(f"it has {len(signs)} letters and figures, a recovery key has {expected}")
        try:
            whole = base64.b32decode(signs)
        except (binascii.Error, ValueError):
            raise _mistyped("it holds signs that no recovery key has; allowed are A to Z and 2 to 7") from None
        secret, check = whole[:SECRET_BYTES], whole[SECRET_BYTES:]
        if not hmac.compare_digest(check, _check(secret)):
            raise _mistyped("its end does not fit the rest, so a sign is wrong or two are exchanged")
        return cls(secret)


def load(path: Path) -> RecoveryKey:
    """The key in a file. Raises RecoveryKeyError where there is none, it cannot be read or is mistyped."""
    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST_FILE_BYTES + 1)
    except FileNotFoundError:
        raise RecoveryKeyError(
            f"There is no recovery key in {path}.",
            remedy="The first `micore backup create` makes one. For a backup of another installation give its key.",
        ) from None
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        return RecoveryKey.parse(content.decode("ascii"))
    except UnicodeDecodeError:
        raise _mistyped(f"{path} holds something other than letters and figures") from None


def load_or_make(path: Path) -> RecoveryKey:
    """The key in a file, made now where there is none; of several who make it at once all get the same one.

    Raises RecoveryKeyError.
    """
    if not path.exists():
        _make(path)
    return load(path)


def _make(path: Path) -> None:
    key = RecoveryKey(secrets.token_bytes(SECRET_BYTES))
    with _kept(path):
        make_folder(path.parent)
        written = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(key.text + "\n")
                file.flush()
                os.fsync(file.fileno())
            # A link, not a rename: it never replaces a key that somebody else has just made.
            path.hardlink_to(written)
        except FileExistsError:
            pass
        finally:
            written.unlink(missing_ok=True)
        sync_folder(path.parent)


@contextmanager
def _kept(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _unusable(path, error) from error


def _check(secret: bytes) -> bytes:
    return hashlib.sha256(b"micore recovery key\0" + secret).digest()[:_CHECK_BYTES]


def _mistyped(problem: str) -> RecoveryKeyError:
    return RecoveryKeyError(
        f"The recovery key is mistyped: {problem}.", remedy="Compare it with what `micore backup key` showed."
    )


def _unusable(path: Path, error: OSError) -> RecoveryKeyError:
    return RecoveryKeyError(
        f"The recovery key in {path} cannot be used: {error.strerror or error}.",
        remedy="Let this user read and write there, or set MICORE_HOME to another place.",
    )
