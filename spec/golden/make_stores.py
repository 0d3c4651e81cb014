#!/usr/bin/python3
"""Writes golden attachments, records of LOCK and positions: a second implementation of spec/store.md.

It was written from sections 6, 7 and 11 of that page (and conventions.md) alone, as make_pages.py was
from its own, whose form of files it uses.

Usage: make_stores.py             writes stores/*.hex and STORES.md
       make_stores.py --check     fails if what lies here differs from what would be written
       make_stores.py --raw DIR   writes the bytes themselves into DIR
"""

import sys

import xxhash

import make_pages as pages
from make_pages import OTHER_UUID, UUID, crc32c, golden, u8, u32, u64


class Text:
    """Bytes, as the form of golden files has it."""

    def __init__(self, data):
        self.data = data
        self.size = len(data)

    def bytes(self):
        return self.data


# --- Section 6 --------------------------------------------------------------------------------
#
# The attachment of a checkpoint of txn 9, in a file of 100 pages of 4 KiB.


def names(*list_of_names):
    return u32(len(list_of_names)) + b"".join(u8(len(name)) + name for name in list_of_names)


def entry(txn, *has, root=40, checksum=7, pages_=90, history=1):
    log = u64(txn) + u64(4096 * txn) + u64(3) + u32(9) + bytes(range(16))
    return (u64(txn) + u64(root) + u32(checksum) + u32(1) + u64(pages_) + log + u64(1000 + txn)
            + u8(history) + names(*has))


def attachment(*entries, own=(), time=77, version=1, count=None):
    count = len(entries) if count is None else count
    return u8(version) + u64(time) + names(*own) + u32(count) + b"".join(entries)


def accepted(name, meaning, data, *says):
    golden("attachment-" + name, meaning, Text(data), *says)


def refused(name, meaning, data, code="corruption", rule="RETAIN-1"):
    golden("reject-" + name, meaning, Text(data), f"refused {code} {rule}")


def make_attachments():
    accepted("time", "A checkpoint that says when it was written, and no more.", attachment(),
             "time 77")
    accepted("names", "A checkpoint with two names, and no earlier one.",
             attachment(own=(b"a", b"b")), "time 77", "name a", "name b")
    accepted("history", "A checkpoint that has only a name, and two of the history.",
             attachment(entry(0, b"empty", root=0, checksum=0, history=0), entry(4),
                        entry(8, b"eight", b"n" * 255), own=(b"now",)),
             "time 77", "name now", "checkpoint 0 page 0 of 90 named empty",
             "checkpoint 4 page 40 of 90 history",
             "checkpoint 8 page 40 of 90 history named eight named " + "n" * 255)
    whole = attachment(entry(4, b"four"), own=(b"now",))
    refused("retain-1-cut-off", "The last name is cut off.", whole[:-1])
    refused("retain-1-bytes-follow", "A byte follows.", whole + b"\0")
    refused("retain-1-version-zero", "Version 0 never was.", attachment(version=0))
    refused("retain-1-count", "More entries than there are.", attachment(entry(4), count=1 << 31))
    refused("retain-1-order", "Entries descend.", attachment(entry(4), entry(3)))
    refused("retain-1-twice", "Two entries of one txn.", attachment(entry(4), entry(4)))
    refused("retain-1-later", "An entry of the checkpoint's own txn.", attachment(entry(9)))
    refused("retain-1-nothing", "Neither a name nor part of the history.",
            attachment(entry(4, history=0)))
    refused("retain-1-history", "Neither 0 nor 1.", attachment(entry(4, history=2)))
    refused("retain-1-name-empty", "A name of no bytes.", attachment(own=(b"",)))
    refused("retain-1-name-order", "Names descend.", attachment(own=(b"b", b"a")))
    refused("retain-1-name-twice", "Two checkpoints of one name.",
            attachment(entry(4, b"a"), own=(b"a",)))
    refused("retain-1-pages", "More pages than the file has.", attachment(entry(4, pages_=101)))
    refused("retain-1-root", "A root behind its pages.", attachment(entry(4, root=90)))
    refused("retain-1-root-metas", "A root within the metas.", attachment(entry(4, root=31)))
    refused("retain-1-root-checksum", "A root without a checksum.",
            attachment(entry(4, checksum=0)))
    refused("unsupported-attachment", "A later version.", attachment(version=2),
            "unsupported-version", "-")


# --- Section 7 --------------------------------------------------------------------------------


def record(txn, log_file, uuid=UUID, version=1):
    body = u32(version) + uuid + u64(txn) + u64(log_file) + u64(0)
    return u32(crc32c(body) or 0xFFFFFFFF) + body + bytes(16)


def make_records():
    golden("lock-writer", "A writer says that commit 17 is durable.", Text(record(17, 0)),
           "says 17 0")
    golden("lock-reader", "A reader needs checkpoint 5 and no log file.",
           Text(record(5, (1 << 64) - 1)), "says 5 18446744073709551615")
    golden("lock-feed", "A reader needs no checkpoint, and log file 3.",
           Text(record((1 << 64) - 1, 3)), "says 18446744073709551615 3")
    whole = record(5, 3)
    golden("reject-lock-1-zeros", "Nothing was said.", Text(bytes(64)), "says nothing")
    golden("reject-lock-1-checksum", "A bit is wrong.", Text(whole[:30] + b"\1" + whole[31:]),
           "says nothing")
    golden("reject-lock-1-version", "A later version.", Text(record(5, 3, version=2)),
           "says nothing")
    golden("reject-lock-1-uuid", "Of another store.", Text(record(5, 3, uuid=OTHER_UUID)),
           "says nothing")


# --- Section 11 -------------------------------------------------------------------------------
#
# A file of positions/. The first line says what its name has to be.


def position(*trees, name=b"mirror", txn=17, file=3, uuid=UUID, version=1, count=None, more=b""):
    count = len(trees) if count is None else count
    log = u64(file) + u64(8192) + u64(5) + u32(9) + bytes(range(16))
    listed = b"".join(u64(number) + u8(len(tree)) + tree for number, tree in trees)
    body = (u32(version) + uuid + u64(txn) + log + u8(len(name)) + name + u32(count) + listed
            + more)
    magic = b"CAISSONf"
    return magic + u32(crc32c(magic + u32(0) + body)) + body


def position_number(name):
    return f"{xxhash.xxh3_128_intdigest(name, seed=0) & ((1 << 64) - 1):016x}"


def kept(name, meaning, data, position_name, *says):
    golden("position-" + name, meaning, Text(data), "file " + position_number(position_name), *says)


def make_positions():
    kept("no-trees", "Behind commit 17 of a store without trees.", position(), b"mirror",
         "mirror behind 17")
    kept("trees", "Two trees, and one before them that was dropped.",
         position((2, b"notes"), (7, b"n" * 255)), b"mirror", "mirror behind 17", "tree 2 notes",
         "tree 7 " + "n" * 255)
    kept("start", "Before the first commit.", position(name=b"x", txn=0, file=0), b"x",
         "x behind 0")
    whole = position((2, b"notes"))
    bad = [
        ("cut-off", "The last tree is cut off.", position((2, b"notes"))[:-1]),
        ("cut-off-inside", "The last tree is cut off, and the checksum is right.",
         position((2, b"notes"), count=2)),
        ("bytes-follow", "A byte follows.", position(more=b"\0")),
        ("magic", "Of a log.", whole[:7] + b"l" + whole[8:]),
        ("checksum", "A bit is wrong.", whole[:40] + b"\1" + whole[41:]),
        ("version-zero", "Version 0 never was.", position(version=0)),
        ("name", "It has no name.", position(name=b"")),
        ("file", "A commit, and no log file.", position(file=0)),
        ("tree-zero", "A tree of number 0.", position((0, b"a"))),
        ("order", "Numbers descend.", position((3, b"a"), (2, b"b"))),
        ("twice", "Two trees of one number.", position((3, b"a"), (3, b"b"))),
        ("tree-name", "A tree without a name.", position((3, b""))),
        ("tree-name-twice", "Two trees of one name.", position((3, b"a"), (4, b"a"))),
    ]
    for name, meaning, data in bad:
        refused("position-1-" + name, meaning, data, rule="POSITION-1")
    refused("position-1-uuid", "Of another store.", position(uuid=OTHER_UUID), "wrong store",
            "POSITION-1")
    refused("unsupported-position", "A later version.", position(version=2),
            "unsupported-version", "-")


README = """# Golden attachments, records of LOCK, and positions

Bytes that every version of Caisson must read, or must refuse, in the same way, as texts such as `README.md` describes.
`make_stores.py` writes `stores/*.hex` and this page, from `spec/store.md` alone; `make_stores.py --check` is a test
(`check_golden_stores`), and `mvcc/golden_test.cc` holds the code to every line below. An attachment is that of a checkpoint of txn 9
in a file of 100 pages of 4 KiB; a record or a position is of the store whose UUID is that of `README.md`.

| expectation | means |
| --- | --- |
| `time T`, `name N` | what the checkpoint says of itself |
| `checkpoint TXN page ROOT of PAGES [history] [named N]...` | an earlier one that is retained |
| `refused CODE RULE` | the attachment is refused |
| `says TXN FILE`, `says nothing` | what a record of LOCK says |
| `file NAME`, `NAME behind TXN`, `tree N NAME` | how a position's file is called, and what it says |

| file | what it is | what has to happen |
| --- | --- | --- |
"""


def main():
    make_attachments()
    make_records()
    make_positions()
    return pages.run(__doc__, "stores", "STORES.md", README, ("refused", "says"))


if __name__ == "__main__":
    sys.exit(main())
