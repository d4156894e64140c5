"""The recovery key: made once, kept for its owner alone, and a mistyped one is known as such."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from micore.errors import RecoveryKeyError
from micore.storage.recovery_key import RecoveryKey, load, load_or_make

SECRETS = st.binary(min_size=32, max_size=32)
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@given(SECRETS)
def test_what_is_shown_can_be_typed_in_again(secret: bytes) -> None:
    text = RecoveryKey(secret).text
    assert [len(group) for group in text.split("-")] == [4] * 14
    assert RecoveryKey.parse(text).secret == secret
    typed = f"  {text.replace('-', ' ').lower().replace('o', '0').replace('i', '1').replace('b', '8')}\n"
    assert RecoveryKey.parse(typed).secret == secret


@given(SECRETS, st.integers(0, 55), st.sampled_from(SIGNS))
def test_one_wrong_sign_is_a_mistyped_key(secret: bytes, place: int, sign: str) -> None:
    signs = RecoveryKey(secret).text.replace("-", "")
    if signs[place] != sign:
        with pytest.raises(RecoveryKeyError, match="mistyped"):
            RecoveryKey.parse(signs[:place] + sign + signs[place + 1 :])


@pytest.mark.parametrize("text", ["", "ABCD", "A" * 57, "!" * 56, "Ä" * 56, "A" * 56])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(RecoveryKeyError, match="mistyped"):
        RecoveryKey.parse(text)


def test_keys_for_two_purposes_are_those_of_hkdf() -> None:
    """RFC 5869 with no salt; the value was computed by the package `cryptography`."""
    key = RecoveryKey(bytes(range(32)))
    assert key.derived("micore backup manifest").hex() == (
        "256717ed35da172528e24fe945d5d0f543d5c0a71bbd120a5b87cbb5570b5f9b"
    )
    assert key.derived("micore backup secrets") != key.derived("micore backup manifest")


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "recovery.key"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_or_make(path), range(8)))
    assert {key.secret for key in made} == {load(path).secret}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["recovery.key"]


def test_a_key_that_is_missing_or_broken_is_told(tmp_path: Path) -> None:
    path = tmp_path / "recovery.key"
    with pytest.raises(RecoveryKeyError, match="There is no recovery key"):
        load(path)
    for content in (b"", b"\xff" * 70, b"x" * 100_000):
        path.write_bytes(content)
        with pytest.raises(RecoveryKeyError, match="mistyped"):
            # A broken key is never replaced: the one that was there may still be known to its owner.
            load_or_make(path)
        assert path.read_bytes() == content


def test_the_secret_is_not_in_what_is_logged() -> None:
    key = RecoveryKey(b"\x07" * 32)
    assert repr(key) == "RecoveryKey()"
