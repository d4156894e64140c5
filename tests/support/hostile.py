"""Archives that somebody has damaged or made up: seeded mutations of a real one, with and without its recovery key."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import zstandard

from micore.storage import manifests
from micore.storage.archives import _header, _padding
from micore.storage.recovery_key import RecoveryKey

BLOCK = 512
END = bytes(2 * BLOCK)
EVIL_NAMES = (
    "../outside.txt",
    "../../outside.txt",
    "/{outside}/absolute.txt",
    "log/../../outside.txt",
    "log/..",
    "./database.zst",
    "database.zst/../../outside.txt",
    "log/a\\..\\b",
    "log/" + "x" * 90 + "/../../../outside.txt",
    "C:\\outside.txt",
    "log/\u202egpj.txt",
)


@dataclass
class Original:
    """A real archive, cut into its members, and the key that signs it."""

    data: bytes
    key: RecoveryKey
    outside: str
    """A folder that nothing may reach."""

    @property
    def members(self) -> list[tuple[str, bytes]]:
        """(name, content) in the order of the file."""
        found, at = [], 0
        while any(self.data[at : at + BLOCK]):
            name = self.data[at : at + 100].rstrip(b"\0").decode()
            size = int(self.data[at + 124 : at + 135], 8)
            found.append((name, self.data[at + BLOCK : at + BLOCK + size]))
            at += BLOCK + size + len(_padding(size))
        return found

    @property
    def manifest(self) -> dict[str, Any]:
        """What the first member says."""
        found: dict[str, Any] = json.loads(self.members[0][1])
        return found


def packed(members: list[tuple[str, bytes]], end: bytes = END) -> bytes:
    """An archive of these members, as ours is spelled."""
    return b"".join(_header(name, len(data)) + data + _padding(len(data)) for name, data in members) + end


def signed(manifest: dict[str, Any], key: RecoveryKey) -> bytes:
    """The bytes of a manifest with the right code, whatever it says."""
    facts = {name: value for name, value in manifest.items() if name != "mac"}
    return manifests._canonical({**facts, "mac": manifests._mac(facts, key)})


def mutation(original: Original, draw: random.Random) -> tuple[str, bytes]:
    """(what was done, the archive); never the original itself."""
    while True:
        make = draw.choice(MUTATIONS)
        made = make(original, draw)
        if made != original.data:
            return make.__name__, made


# ------------------------------------------------------------------------------------------------ damage


def flipped_bits(original: Original, draw: random.Random) -> bytes:
    data = bytearray(original.data)
    for _ in range(draw.randint(1, 4)):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return bytes(data)


def flipped_in_a_header(original: Original, draw: random.Random) -> bytes:
    data = bytearray(original.data)
    data[draw.randrange(BLOCK)] = draw.randrange(256)
    return bytes(data)


def cut_off(original: Original, draw: random.Random) -> bytes:
    return original.data[: draw.randrange(len(original.data))]


def something_inside(original: Original, draw: random.Random) -> bytes:
    at = draw.randrange(len(original.data))
    return original.data[:at] + draw.randbytes(draw.choice((1, 7, BLOCK, 4096))) + original.data[at:]


def something_behind(original: Original, draw: random.Random) -> bytes:
    return original.data + draw.choice((b"\0", bytes(BLOCK), packed([("log/more", b"more")]), draw.randbytes(99)))


def blocks_exchanged(original: Original, draw: random.Random) -> bytes:
    blocks = [original.data[at : at + BLOCK] for at in range(0, len(original.data), BLOCK)]
    one, other = draw.randrange(len(blocks)), draw.randrange(len(blocks))
    blocks[one], blocks[other] = blocks[other], blocks[one]
    return b"".join(blocks)


def a_block_less(original: Original, draw: random.Random) -> bytes:
    at = draw.randrange(len(original.data) // BLOCK) * BLOCK
    return original.data[:at] + original.data[at + BLOCK :]


# ------------------------------------------------------------------------------------------------ other archives


def members_exchanged(original: Original, draw: random.Random) -> bytes:
    members = original.members
    draw.shuffle(members)
    return packed(members)


def a_member_twice(original: Original, draw: random.Random) -> bytes:
    members = original.members
    members.insert(draw.randint(0, len(members)), draw.choice(members))
    return packed(members)


def contents_exchanged(original: Original, draw: random.Random) -> bytes:
    del draw
    members = original.members
    names, contents = [name for name, _ in members], [content for _, content in members]
    return packed(list(zip(names, [contents[0], *reversed(contents[1:])], strict=True)))


def a_foreign_key(original: Original, draw: random.Random) -> bytes:
    members = original.members
    members[0] = (members[0][0], signed(original.manifest, RecoveryKey(draw.randbytes(32))))
    return packed(members)


def foreign_members(original: Original, draw: random.Random) -> bytes:
    """What other programs write: links, devices, long names, folders, sparse files, in front, between or behind."""
    made = io.BytesIO()
    form = draw.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    members: list[tuple[str, bytes] | None] = [*original.members]
    members.insert(draw.randint(0, len(members)), None)
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for member in members:
            info = tarfile.TarInfo()
            if member is not None:
                info.name, info.size = member[0], len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
                continue
            info.name = draw.choice(EVIL_NAMES).replace("{outside}", original.outside.lstrip("/"))
            info.type = draw.choice(
                (
                    tarfile.REGTYPE,
                    tarfile.SYMTYPE,
                    tarfile.LNKTYPE,
                    tarfile.CHRTYPE,
                    tarfile.BLKTYPE,
                    tarfile.FIFOTYPE,
                    tarfile.DIRTYPE,
                    tarfile.GNUTYPE_SPARSE,
                    tarfile.CONTTYPE,
                )
            )
            info.linkname = draw.choice(("/etc/passwd", "../../outside.txt", f"{original.outside}/linked"))
            if form == tarfile.PAX_FORMAT:
                info.pax_headers = {"path": f"{original.outside}/pax.txt", "size": "99"}
            content = b"evil" if info.isreg() else b""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def another_kind_of_member(original: Original, draw: random.Random) -> bytes:
    """One of our own members, said to be a link, a device or a long name; its header's sum is right."""
    data = bytearray(original.data)
    headers = [at for at in range(0, len(data), BLOCK) if data[at + 257 : at + 262] == b"ustar"]
    at = draw.choice(headers)
    data[at + 156] = draw.choice(b"123456789LKSVMNxgA")
    target = f"{original.outside}/linked".encode()[:99]
    data[at + 157 : at + 157 + len(target)] = target
    data[at + 148 : at + 156] = b" " * 8
    data[at + 148 : at + 156] = b"%06o\0 " % sum(data[at : at + BLOCK])
    return bytes(data)


# ------------------------------------------------------------------------------------------------ rightly signed lies


def lies(original: Original, draw: random.Random) -> bytes:
    """Whoever has the key can lie in the manifest; what it says is compared with what is there."""
    manifest, members = original.manifest, original.members
    part = draw.choice(manifest["parts"])

    def rename() -> None:
        name = draw.choice(EVIL_NAMES).replace("{outside}", original.outside)
        at = next(number for number, member in enumerate(members) if member[0] == part["name"])
        part["name"] = name
        part["kind"] = draw.choice((part["kind"], "log"))
        if name.isascii() and len(name) < 100:
            members[at] = (name, members[at][1])

    def bomb() -> None:
        packed_bomb = zstandard.ZstdCompressor(level=19, write_checksum=True).compress(bytes(60_000_000))
        members[1] = (members[1][0], packed_bomb)
        manifest["parts"][0] |= {
            "stored_bytes": len(packed_bomb),
            "stored_sha256": hashlib.sha256(packed_bomb).hexdigest(),
            "bytes": draw.choice((1, 4096, 1_000_000)),
        }

    def other_database() -> None:
        content = zstandard.ZstdCompressor(write_checksum=True).compress(plain := draw.randbytes(20_000))
        members[1] = (members[1][0], content)
        manifest["parts"][0] |= {
            "stored_bytes": len(content),
            "stored_sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(plain),
            "sha256": hashlib.sha256(plain).hexdigest(),
        }

    def rows() -> None:
        table = draw.choice(sorted(manifest["rows"]))
        manifest["rows"][table] += draw.choice((1, 1000, 2**40))

    def larger() -> None:
        part[draw.choice(("bytes", "stored_bytes"))] = draw.choice((0, 1, 2**33, 2**60, 2**63, -1))

    def other_sum() -> None:
        part[draw.choice(("sha256", "stored_sha256"))] = draw.choice(("0" * 64, "", "../x", "g" * 64))

    def facts() -> None:
        name, value = draw.choice(
            (
                ("schema", "9999"),
                ("schema", "../../0001"),
                ("format", 2),
                ("format", "1"),
                ("id", "../../.."),
                ("id", "x"),
                ("made_at", "tomorrow"),
                ("database", "mysql"),
                ("rows", {"nothing": 3}),
                ("rows", []),
                ("parts", []),
                ("sequence", -1),
                ("more", 1),
            )
        )
        manifest[name] = value

    def a_part_more() -> None:
        manifest["parts"].append(dict(part))
        members.append(members[1])

    draw.choice((rename, bomb, other_database, rows, larger, other_sum, facts, a_part_more))()
    members[0] = (members[0][0], signed(manifest, original.key))
    return packed(members)


def unsigned_lies(original: Original, draw: random.Random) -> bytes:
    manifest, members = original.manifest, original.members
    manifest[draw.choice(("sequence", "program", "id"))] = draw.choice((1, "x", "deadbeef"))
    members[0] = (members[0][0], manifests._canonical(manifest))
    return packed(members)


def strange_json(original: Original, draw: random.Random) -> bytes:
    members = original.members
    content = draw.choice(
        (
            b"",
            b"{}",
            b"null",
            b"[" * 100_000,
            b'{"format":1,"format":1}',
            members[0][1] + b" ",
            members[0][1].replace(b":", b": ", 1),
            b"\xff" + members[0][1],
            members[0][1] * 3,
            b"9" * 10_000,
        )
    )
    members[0] = (members[0][0], content)
    return packed(members)


MUTATIONS: tuple[Callable[[Original, random.Random], bytes], ...] = (
    flipped_bits,
    flipped_bits,
    flipped_in_a_header,
    cut_off,
    something_inside,
    something_behind,
    blocks_exchanged,
    a_block_less,
    members_exchanged,
    a_member_twice,
    contents_exchanged,
    a_foreign_key,
    foreign_members,
    foreign_members,
    another_kind_of_member,
    lies,
    lies,
    lies,
    unsigned_lies,
    strange_json,
)
