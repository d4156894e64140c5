"""Archives of backups: what is written is read, and anything else, to the bit, is refused."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from micore.errors import ArchiveError
from micore.storage import archives, manifests
from micore.storage.archives import Archive, Prepared
from micore.storage.manifests import Manifest, ManifestProblem, Part
from micore.storage.recovery_key import RecoveryKey

KEY = RecoveryKey(bytes(range(32)))
DATABASE = b"rows and rows of a shop, " * 40
SETTINGS = b"MICORE_CURRENCY=RUB\n"


def manifest_of(parts: Sequence[Part]) -> Manifest:
    return Manifest(
        id="0123abcd",
        made_at=datetime(2026, 11, 24, 2, 0, 5, tzinfo=UTC),
        program="0.1.0",
        schema="0012",
        database="sqlite",
        sequence=7,
        rows={"sku": 3, "account": 1},
        parts=tuple(parts),
    )


def prepared(folder: Path) -> list[Prepared]:
    segment = folder / "segment"
    segment.write_bytes(b"line one\nline two\n")
    return [
        archives.prepare_compressed("database", "database.zst", io.BytesIO(DATABASE), folder / "database"),
        archives.prepare_compressed(
            "configuration", "configuration.env.zst", io.BytesIO(SETTINGS), folder / "configuration"
        ),
        archives.prepare_plain("log", "log/0000000001.jsonl", segment),
    ]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    parts = prepared(tmp_path)
    path = tmp_path / "small.tar"
    archives.write(path, manifest_of([each.part for each in parts]), parts, KEY)
    return path


def read(path: Path, key: RecoveryKey = KEY) -> Manifest:
    """Everything that is ever read of an archive."""
    with Archive.opened(path, key) as opened:
        opened.check()
        return opened.manifest


def test_what_was_put_in_comes_out(archive: Path, tmp_path: Path) -> None:
    with Archive.opened(archive, KEY) as opened:
        opened.check()
        assert opened.size_bytes == archive.stat().st_size
        assert [part.name for part in opened.manifest.parts] == [
            "database.zst",
            "configuration.env.zst",
            "log/0000000001.jsonl",
        ]
        assert opened.manifest == manifest_of(opened.manifest.parts)
        database = opened.manifest.part("database")
        assert database is not None
        assert (database.bytes, database.sha256) == (len(DATABASE), sha256(DATABASE).hexdigest())
        for part in opened.manifest.parts:
            opened.unpack(part, tmp_path / f"unpacked {part.kind}")
    unpacked = {path.name: path.read_bytes() for path in tmp_path.glob("unpacked *")}
    assert unpacked == {
        "unpacked database": DATABASE,
        "unpacked configuration": SETTINGS,
        "unpacked log": b"line one\nline two\n",
    }
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("unpacked *")} == {0o600}


def test_any_tar_can_list_it_and_sees_regular_files_only(archive: Path) -> None:
    with tarfile.open(archive, "r:") as general:
        members = general.getmembers()
        assert [member.name for member in members] == [
            "manifest.json",
            "database.zst",
            "configuration.env.zst",
            "log/0000000001.jsonl",
        ]
        assert all(member.isreg() and member.mode == 0o600 for member in members)
        file = general.extractfile("database.zst")
        assert file is not None
        assert zstandard.ZstdDecompressor().decompressobj().decompress(file.read()) == DATABASE


def test_every_flipped_bit_is_refused(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(whole)
    with damaged.open("r+b", buffering=0) as file:
        for at, byte in enumerate(whole):
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([byte ^ (1 << bit)]), at)
                with pytest.raises(ArchiveError):
                    read(damaged)
            os.pwrite(file.fileno(), bytes([byte]), at)
    assert read(damaged).id == "0123abcd"


def test_every_truncation_and_anything_behind_the_end_is_refused(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(whole)
    for size in range(len(whole) - 1, -1, -1):
        os.truncate(damaged, size)
        with pytest.raises(ArchiveError):
            read(damaged)
    for more in (b"\0", b"x", bytes(512), whole):
        damaged.write_bytes(whole + more)
        with pytest.raises(ArchiveError, match="follows its end"):
            read(damaged)


def test_another_installations_key_opens_nothing(archive: Path) -> None:
    with pytest.raises(ArchiveError, match="made with another recovery key"):
        read(archive, RecoveryKey(bytes(32)))


Member = tuple[tarfile.TarInfo, bytes]


def members_of(archive: Path) -> list[Member]:
    with tarfile.open(archive, "r:") as general:
        return [(each, (general.extractfile(each) or io.BytesIO()).read()) for each in general.getmembers()]


def a_tar_of(members: Sequence[Member], path: Path, form: int = tarfile.USTAR_FORMAT) -> None:
    """By a general program, as somebody would who wants us to fall for something."""
    with tarfile.open(path, "w:", format=form) as general:
        for info, content in members:
            general.addfile(info, io.BytesIO(content))


def with_info(**changes: object) -> Callable[[list[Member]], list[Member]]:
    """The archive with these fields of the database's header changed."""

    def change(members: list[Member]) -> list[Member]:
        for name, value in changes.items():
            setattr(members[1][0], name, value)
        if changes.get("type", tarfile.REGTYPE) != tarfile.REGTYPE:
            members[1][0].size = 0
            members[1] = (members[1][0], b"")
        return members

    return change


HOSTILE: dict[str, Callable[[list[Member]], list[Member]]] = {
    "above": with_info(name="../database.zst"),
    "absolute": with_info(name="/etc/cron.d/micore"),
    "symbolic link": with_info(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "hard link": with_info(type=tarfile.LNKTYPE, linkname="manifest.json"),
    "device": with_info(type=tarfile.CHRTYPE),
    "pipe": with_info(type=tarfile.FIFOTYPE),
    "folder": with_info(type=tarfile.DIRTYPE),
    "mode": with_info(mode=0o4755),
    "owner": with_info(uid=1000),
    "long name": with_info(name="database.zst" + "/x" * 100),
    "twice": lambda members: [*members[:2], members[1], *members[2:]],
    "one more": lambda members: [*members, (tarfile.TarInfo("more"), b"")],
    "one missing": lambda members: members[:-1],
    "exchanged": lambda members: [members[0], members[2], members[1], members[3]],
    "manifest last": lambda members: [*members[1:], members[0]],
    "no manifest": lambda members: members[1:],
    "nothing": lambda members: [],
}


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("attack", HOSTILE)
def test_hostile_members_are_refused(attack: str, form: int, archive: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.tar"
    a_tar_of(HOSTILE[attack](members_of(archive)), hostile, form)
    with pytest.raises(ArchiveError):
        read(hostile)


def forged(folder: Path, content: bytes, **declared: object) -> Path:
    """An archive by the holder of the key, whose manifest says of its database what we like."""
    stored = folder / "stored"
    stored.write_bytes(content)
    digest = sha256(content).hexdigest()
    facts = {"stored_bytes": len(content), "stored_sha256": digest, "bytes": len(content), "sha256": digest}
    part = msgspec.convert({"name": "database.zst", "kind": "database", **facts, **declared}, Part)
    path = folder / "forged.tar"
    archives.write(path, manifest_of([part]), [Prepared(part, stored)], KEY)
    return path


def test_a_bomb_is_stopped_at_what_it_declares(tmp_path: Path) -> None:
    gibibyte = zstandard.ZstdCompressor(level=19).compressobj()
    bomb = b"".join([*(gibibyte.compress(bytes(2**20)) for _ in range(1024)), gibibyte.flush()])
    path = forged(tmp_path, bomb, bytes=1000)
    with Archive.opened(path, KEY) as opened:
        with pytest.raises(ArchiveError, match="unpacks to more than its 1,000 bytes"):
            opened.check()
        with pytest.raises(ArchiveError, match="unpacks to more"):
            opened.unpack(opened.manifest.parts[0], tmp_path / "unpacked")
    assert not (tmp_path / "unpacked").exists()


FRAME = zstandard.ZstdCompressor(write_checksum=True).compress(DATABASE)
TRUE = {"bytes": len(DATABASE), "sha256": sha256(DATABASE).hexdigest()}


@pytest.mark.parametrize(
    ("content", "declared", "problem"),
    [
        (FRAME, {**TRUE, "bytes": len(DATABASE) + 1}, "does not unpack to"),
        (FRAME, {**TRUE, "sha256": "0" * 64}, "does not unpack to"),
        (FRAME, {**TRUE, "stored_sha256": "0" * 64}, "checksum differs"),
        (FRAME[:-1], TRUE, "stops before its end"),
        (b"", TRUE, "stops before its end"),
        (FRAME + b"\0", TRUE, "something follows its end"),
        (FRAME + FRAME, TRUE, "something follows its end"),
        (FRAME + bytes(5000), TRUE, "something follows its end"),
        (DATABASE, TRUE, "is damaged"),
    ],
)
def test_a_part_that_is_not_what_its_manifest_says(
    content: bytes, declared: dict[str, object], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(ArchiveError, match=problem):
        read(forged(tmp_path, content, **declared))


A_PART = Part("database.zst", "database", 1, "0" * 64, 1, "0" * 64)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [A_PART, A_PART],
        [msgspec.structs.replace(A_PART, name="../database.zst")],
        [msgspec.structs.replace(A_PART, name="database.zst\n")],
        *(
            [A_PART, Part(name, "log", 1, "0" * 64, 1, "0" * 64)]
            for name in ("log/../x", "log/", "log/.x", "x", "/log/x", "log/a/b", "log/" + "x" * 97, "log/ü")
        ),
        [A_PART, Part("log/x", "log", 1, "0" * 64, 2, "0" * 64)],
    ],
)
def test_a_manifest_of_such_parts_is_neither_written_nor_read(parts: list[Part]) -> None:
    manifest = manifest_of(parts)
    with pytest.raises(ManifestProblem):
        manifests.encoded(manifest, KEY)
    facts = manifests._facts(manifest)
    signed = manifests._canonical({**facts, "mac": manifests._mac(facts, KEY)})
    with pytest.raises(ManifestProblem):
        manifests.decoded(signed, KEY)


@given(st.binary(max_size=200) | st.text().map(str.encode) | st.just(b"[" * 100_000))
def test_any_bytes_are_refused_as_a_manifest(data: bytes) -> None:
    with pytest.raises(ManifestProblem):
        manifests.decoded(data, KEY)


def test_a_manifest_has_one_form(archive: Path) -> None:
    data = members_of(archive)[0][1]
    assert manifests.decoded(data, KEY).sequence == 7
    again = msgspec.json.decode(data)
    for other in (
        data + b"\n",
        data.replace(b'"format":1', b'"format":1.0'),
        data.replace(b'"format":1', b'"format":1,"format":1'),
        msgspec.json.encode({**again, "more": 1}),
    ):
        assert other != data
        with pytest.raises(ManifestProblem):
            manifests.decoded(other, KEY)
    with pytest.raises(ManifestProblem, match="of format 2, this micore reads format 1"):
        manifests.decoded(data.replace(b'"format":1', b'"format":2'), KEY)


def test_an_archive_is_never_written_over_something(archive: Path, tmp_path: Path) -> None:
    before = archive.read_bytes()
    with Archive.opened(archive, KEY) as opened:
        part = opened.manifest.parts[0]
        with pytest.raises(FileExistsError):
            opened.unpack(part, archive)
    with pytest.raises(FileExistsError):
        archives.write(archive, manifest_of([part]), [Prepared(part, tmp_path)], KEY)
    assert archive.read_bytes() == before


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "none"):
        with pytest.raises(ArchiveError):
            read(path)


def test_sizes_beyond_eight_gibibytes_are_written_as_other_programs_read_them() -> None:
    header = archives._header("database.zst", 9 * 2**30)
    assert tarfile.TarInfo.frombuf(header, "ascii", "strict").size == 9 * 2**30
