"""Secrets inside a backup, sealed with AES-256-GCM: only the recovery key opens them, and a changed byte is seen.

The package `cryptography` does it; it is loaded when the first secret is sealed or opened.
"""

from __future__ import annotations

import secrets

from micore.errors import RecoveryKeyError
from micore.storage.recovery_key import RecoveryKey

PURPOSE = "micore backup secrets"
NONCE_BYTES = 12


def seal(text: str, key: RecoveryKey, backup_id: str) -> bytes:
    """The bytes of `secrets.sealed` in the backup of this id: a nonce, the encrypted text, its tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key.derived(PURPOSE)).encrypt(nonce, text.encode(), _bound_to(backup_id))


def unseal(sealed: bytes, key: RecoveryKey, backup_id: str) -> str:
    """The text that was sealed. Raises RecoveryKeyError for another key, another backup or a changed byte."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        opened = AESGCM(key.derived(PURPOSE)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound_to(backup_id))
    except (InvalidTag, ValueError):
        raise RecoveryKeyError(
            f"This recovery key does not open the secrets of backup {backup_id}.",
            remedy="Give the recovery key of the installation that made the backup, or enter the secrets anew.",
        ) from None
    return opened.decode()


def _bound_to(backup_id: str) -> bytes:
    return f"micore backup {backup_id}".encode()
