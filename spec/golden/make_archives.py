#!/usr/bin/python3
"""Writes the golden archives: a second implementation of spec/archive.md.

It was written from that page, section 3 of spec/store.md (the state hash) and conventions.md alone, as
make_pages.py was from its own, whose form of files it uses. The one thing that it takes from elsewhere
is XXH3-128.

Usage: make_archives.py             writes archives/*.hex and ARCHIVES.md
       make_archives.py --check     fails if what lies here differs from what would be written
       make_archives.py --raw DIR   writes the archives themselves into DIR
"""

import sys

import xxhash

import make_pages as pages
from make_pages import OTHER_UUID, UUID, crc32c, golden, patched, u8, u32, u64, varint
from make_stores import Text

ARCHIVE, LATER = 0x1122334455667788, 0x99AABBCCDDEEFF00


def hash128(data):
    """A hash is its 16 bytes, low half first; the digest has the high half first."""
    return xxhash.xxh3_128_digest(data, seed=0)[::-1]


def chain(before, payload):
    return hash128(before + payload)


def text(data):
    return varint(len(data)) + data


# --- Section 1 --------------------------------------------------------------------------------


class Stream:
    """Blocks, one behind the other. What `fields` name is as they say, the rest as it has to be."""

    def __init__(self):
        self.blocks = []
        self.archive, self.number = ARCHIVE, 0

    def block(self, kind, payload=b"", patches=(), **fields):
        if kind in (1, 7):
            self.archive, self.number = (ARCHIVE, 0) if kind == 1 else (LATER, 0)
        values = dict(magic=b"CArc", size=len(payload), archive=self.archive, number=self.number)
        values.update(fields)
        body = (u32(values["size"]) + u8(kind) + bytes(3) + u64(values["archive"])
                + u64(values["number"]) + payload)
        body = patched(body, *patches)
        checksum = values.get("checksum", crc32c(body))
        self.blocks.append(values["magic"] + u32(checksum) + body)
        self.number += 1
        return self

    def without(self, index):
        del self.blocks[index]
        return self

    def text(self, cut=0):
        data = b"".join(self.blocks)
        return Text(data[:len(data) - cut])


# --- Section 2 --------------------------------------------------------------------------------
#
# The state: a tree that is gone (1), "notes" (2) with four entries, one of them long, and "empty" (3).

FILM = bytes(i % 251 for i in range(700))
NOTES = [(b"", b"no key"), (b"film", FILM), (b"milk", b"2 litres"), (b"tea", b"")]
OPTIONS = b"\1\2\3"


def state_hash(trees, next_tree):
    data = u64(next_tree)
    for number, name, options, entries in trees:
        data += u64(number) + u64(0) + u64(len(name)) + name + u64(len(options)) + options
        data += u64(len(entries))
        for key, value in entries:
            data += u64(len(key)) + key + u64(len(value)) + value
    return hash128(data)


BEFORE = [(2, b"notes", OPTIONS, NOTES), (3, b"empty", b"", [])]
AFTER = [(2, b"notes", OPTIONS, NOTES[:3] + [(b"tea", b"green")]), (3, b"empty", b"", [])]
LOG_HASH = bytes(range(16))
COMMITS = [(6, b"\3\2" + text(b"tea") + text(b"black")), (7, b"\3\2" + text(b"tea") + text(b"green"))]


def begin_base(version=1, txn=5, next_tree=4):
    return (u32(version) + UUID + u64(txn) + LOG_HASH + u32(4096) + u32(256) + u64(1 << 24) + u32(16)
            + u64(next_tree))


def tree(number, name, options=b"", entries=0, kind=0):
    return varint(number) + varint(kind) + varint(entries) + text(name) + text(options)


def end_base(trees=2, entries=4, state=None):
    return (state or state_hash(BEFORE, 4)) + u64(trees) + u64(entries)


def base(notes=NOTES, count=4, end=None, second=3, value_size=len(FILM)):
    stream = Stream().block(1, begin_base())
    stream.block(2, tree(2, b"notes", OPTIONS, count))
    stream.block(3, text(notes[0][0]) + text(notes[0][1]))
    stream.block(4, text(b"film") + varint(value_size))
    stream.block(5, FILM[:300]).block(5, FILM[300:])
    stream.block(3, b"".join(text(key) + text(value) for key, value in notes[2:]))
    stream.block(2, tree(second, b"empty"))
    return stream.block(6, end or end_base())


def increment(stream, txn=5, log_hash=LOG_HASH, commits=COMMITS, last=7, uuid=UUID):
    stream.block(7, u32(1) + uuid + u64(txn) + log_hash)
    for number, payload in commits:
        log_hash = chain(log_hash, payload)
        stream.block(8, u64(number)).block(9, payload).block(10, log_hash)
    return stream.block(11, u64(last) + state_hash(AFTER, 4))


def refused(name, meaning, file, code="corruption", rule="ARCHIVE-1"):
    golden("reject-" + name, meaning, file, f"refused {code} {rule}")


def make_archives():
    golden("base", "A base, with all kinds of blocks.", base().text(), "txn 5",
           "hash " + state_hash(BEFORE, 4)[::-1].hex())
    golden("base-and-increment", "A base, and two commits.", increment(base()).text(), "txn 7",
           "hash " + state_hash(AFTER, 4)[::-1].hex())
    golden("empty", "A base of a store that never had a commit.",
           Stream().block(1, begin_base(txn=0, next_tree=1))
           .block(6, end_base(0, 0, state_hash([], 1))).text(),
           "txn 0", "hash " + state_hash([], 1)[::-1].hex())

    whole = base
    for name, meaning, fields in (("magic", "Another magic.", dict(magic=b"CArk")),
                                  ("checksum", "A checksum that differs.", dict(checksum=1)),
                                  ("size", "A block of more than 1 MiB.", dict(size=1 << 20)),
                                  ("zeros", "A byte that should be zero.", dict(patches=((5, b"\1"),)))):
        refused("archive-1-" + name, meaning, Stream().block(1, begin_base(), **fields).text())
    refused("archive-2-cut-off", "The stream ends within a block.", whole().text(cut=1),
            rule="ARCHIVE-2")
    refused("archive-2-no-end", "The last block is missing.", whole().without(-1).text(),
            rule="ARCHIVE-2")
    refused("archive-2-gap", "A block in between is missing.", whole().without(4).text(),
            rule="ARCHIVE-2")
    refused("archive-2-nothing", "No archive at all.", Stream().text(), rule="ARCHIVE-2")
    refused("archive-2-other", "A block of another archive.",
            Stream().block(1, begin_base()).block(6, end_base(0, 0), archive=LATER).text(),
            rule="ARCHIVE-2")
    refused("archive-3-version-zero", "Version 0 never was.",
            Stream().block(1, begin_base(version=0)).text(), rule="ARCHIVE-3")
    refused("archive-3-bytes-follow", "A byte follows what the type asks for.",
            Stream().block(1, begin_base() + b"\0").text(), rule="ARCHIVE-3")
    refused("archive-3-type", "A type that is not known.",
            Stream().block(1, begin_base()).block(12).text(), rule="ARCHIVE-3")
    refused("archive-3-entry", "An entry that is cut off.",
            Stream().block(1, begin_base()).block(2, tree(2, b"notes", OPTIONS, 1))
            .block(3, text(b"milk") + b"\5no").text(), rule="ARCHIVE-3")
    refused("archive-4-order", "Keys descend.",
            whole(notes=NOTES[:2] + [NOTES[3], NOTES[2]]).text(), rule="ARCHIVE-4")
    refused("archive-4-few", "A tree lacks an entry.", whole(count=5).text(), rule="ARCHIVE-4")
    refused("archive-4-many", "A tree has one too many.", whole(count=3).text(), rule="ARCHIVE-4")
    refused("archive-4-trees", "A tree's number comes twice.", whole(second=2).text(), rule="ARCHIVE-4")
    refused("archive-4-next", "A tree's number is to come yet.", whole(second=4).text(),
            rule="ARCHIVE-4")
    refused("archive-4-value", "A value's pieces are too long.", whole(value_size=600).text(),
            rule="ARCHIVE-4")
    refused("archive-4-end", "The end speaks of more entries.", whole(end=end_base(2, 5)).text(),
            rule="ARCHIVE-4")
    refused("archive-4-commit", "A commit is left out.",
            increment(base(), commits=COMMITS[1:]).text(), rule="ARCHIVE-4")
    refused("archive-4-last", "It ends with another commit than it says.",
            increment(base(), last=8).text(), rule="ARCHIVE-4")
    refused("archive-5-txn", "It begins behind another commit.",
            increment(base(), txn=6, commits=[(7, COMMITS[1][1])]).text(), rule="ARCHIVE-5")
    refused("archive-5-hash", "It begins behind a commit of another history.",
            increment(base(), log_hash=bytes(16)).text(), rule="ARCHIVE-5")
    refused("archive-6", "The state is not the one that its hash is of.",
            whole(end=end_base(state=bytes(16))).text(), rule="ARCHIVE-6")
    refused("unsupported", "A version of later days.",
            Stream().block(1, begin_base(version=2)).text(), "unsupported-version", "-")


README = """# Golden archives

Bytes that every version of Caisson must read, or must refuse, in the same way, as texts such as `README.md` describes.
`make_archives.py` writes `archives/*.hex` and this page, from `spec/archive.md` and section 3 of `spec/store.md` alone;
`make_archives.py --check` is a test (`check_golden_archives`), and `mvcc/archive_golden_test.cc` holds the code to every line below.

| expectation | means |
| --- | --- |
| `txn N`, `hash H` | the last commit of the store that is restored, and its state hash as a number in hexadecimal |
| `refused CODE RULE` | nothing is restored |

| file | what it is | what has to happen |
| --- | --- | --- |
"""


def main():
    make_archives()
    return pages.run(__doc__, "archives", "ARCHIVES.md", README, ("refused", "txn"))


if __name__ == "__main__":
    sys.exit(main())
