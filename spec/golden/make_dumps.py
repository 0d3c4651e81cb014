#!/usr/bin/python3
"""Writes golden dumps: a second implementation of spec/dump.md.

It was written from section 1 of that page (and conventions.md) alone, as make_pages.py was from its
own, whose form of files it uses.

Usage: make_dumps.py             writes dumps/*.hex and DUMPS.md
       make_dumps.py --check     fails if what lies here differs from what would be written
       make_dumps.py --raw DIR   writes the dumps themselves into DIR
"""

import sys

import make_pages as pages
from make_pages import crc32c, golden, u8, u32, u64, varint


class Text:
    """Bytes, as the form of golden files has it."""

    def __init__(self, data):
        self.data = data
        self.size = len(data)

    def bytes(self):
        return self.data


def header(version=1, txn=7, magic=b"CAISSONd", zeros=bytes(8), checksum=None):
    front, back = magic, u32(version) + u64(txn) + zeros
    if checksum is None:
        checksum = crc32c(front + u32(0) + back)
    return front + u32(checksum) + back


def block(number, *items, size=None, checksum=None):
    payload = b"".join(items)
    rest = u32(len(payload) if size is None else size) + u64(number) + payload
    return u32(crc32c(rest) if checksum is None else checksum) + rest


def sized(data):
    return varint(len(data)) + data


def tree(name):
    return u8(1) + sized(name)


def entry(key, value):
    return u8(2) + sized(key) + sized(value)


def long_entry(key, size):
    return u8(3) + sized(key) + varint(size)


def piece(data):
    return u8(4) + sized(data)


def end(trees, entries):
    return u8(5) + varint(trees) + varint(entries)


def accepted(name, meaning, data, *says):
    golden(name, meaning, Text(data), *says)


def refused(name, meaning, data, rule, code="corruption"):
    golden("reject-" + name, meaning, Text(data), f"refused {code} {rule}")


def make_whole():
    accepted("empty", "A store without trees.", header() + block(0, end(0, 0)), "txn 7")
    accepted("trees", "Two trees, one of them empty.",
             header() + block(0, tree(b"a"), entry(b"", b""), entry(b"k", b"value"), tree(b"b"),
                              end(2, 2)),
             "txn 7", "tree 61", "entry - -", "entry 6b 76616c7565", "tree 62")
    accepted("blocks", "Blocks that end behind a tree, an entry and a piece.",
             header(txn=2 ** 63) + block(0, tree(b"\xff" * 255)) + block(1, entry(b"k", b"\0\n"))
             + block(2, long_entry(b"l", 5), piece(b"abc")) + block(3, piece(b"de"))
             + block(4, end(1, 2)),
             f"txn {2 ** 63}", "tree " + "ff" * 255, "entry 6b 000a", "entry 6c 6162636465")


def make_refused():
    whole = header() + block(0, tree(b"a"), entry(b"k", b"v"), end(1, 1))
    refused("dump-1-empty", "No bytes.", b"", "DUMP-1")
    refused("dump-1-cut-off", "A header that is cut off.", whole[:31], "DUMP-1")
    refused("dump-1-magic", "The magic of something else.",
            header(magic=b"CAISSONl") + block(0, end(0, 0)), "DUMP-1")
    refused("dump-1-checksum", "The header's checksum is wrong.",
            header(checksum=1) + block(0, end(0, 0)), "DUMP-1")
    refused("dump-1-version", "A later version.", header(version=2) + block(0, end(0, 0)),
            "DUMP-1", "unsupported-version")
    refused("dump-1-version-zero", "Version 0 never was.",
            header(version=0) + block(0, end(0, 0)), "DUMP-1")
    refused("dump-1-zeros", "The last byte of the header is not zero.",
            header(zeros=bytes(7) + b"\1") + block(0, end(0, 0)), "DUMP-1")
    refused("dump-2-checksum", "A block's checksum is wrong.",
            header() + block(0, end(0, 0), checksum=1), "DUMP-2")
    refused("dump-2-size-zero", "A block of no items.", header() + block(0) + block(1, end(0, 0)),
            "DUMP-2")
    refused("dump-2-size", "A block that is larger than any.",
            header() + block(0, end(0, 0), size=(1 << 20) + 1), "DUMP-2")
    refused("dump-2-lost", "The first block is missing.", header() + block(1, end(0, 0)), "DUMP-2")
    refused("dump-2-repeated", "A block comes twice.",
            header() + block(0, tree(b"a")) + block(0, tree(b"a")) + block(1, end(1, 0)), "DUMP-2")
    for name, meaning, items in (
            ("type-zero", "An item of type 0.", [u8(0)]),
            ("type", "An item of type 6.", [u8(6)]),
            ("tree-empty", "A tree without a name.", [tree(b"")]),
            ("tree-long", "A tree whose name has 256 bytes.", [tree(b"n" * 256)]),
            ("tree-cut-off", "A name that goes beyond its block.", [u8(1) + varint(3) + b"ab"]),
            ("no-tree", "An entry before any tree.", [entry(b"k", b"v")]),
            ("key-long", "A key that is longer than any.",
             [tree(b"a"), entry(b"k" * 8193, b"")]),
            ("value-cut-off", "A value that goes beyond its block.",
             [tree(b"a"), u8(2) + sized(b"k") + varint(9) + b"v"]),
            ("number-cut-off", "A size that is cut off.", [tree(b"a"), u8(2) + b"\x80"]),
            ("number-long", "A size that is not of the shortest form.",
             [u8(1) + b"\x81\x00" + b"a"]),
            ("long-empty", "A long value of no bytes.", [tree(b"a"), long_entry(b"k", 0)]),
            ("long-long", "A long value that is longer than any.",
             [tree(b"a"), long_entry(b"k", 2 ** 40 + 1)]),
            ("piece-alone", "A piece of no value.", [tree(b"a"), piece(b"v")]),
            ("piece-empty", "A piece of no bytes.", [tree(b"a"), long_entry(b"k", 2), piece(b"")]),
            ("piece-long", "A piece beyond the value's size.",
             [tree(b"a"), long_entry(b"k", 2), piece(b"abc")]),
            ("piece-missing", "An entry where a piece should be.",
             [tree(b"a"), long_entry(b"k", 2), piece(b"a"), entry(b"l", b"")])):
        refused("dump-3-" + name, meaning, header() + block(0, *items, end(1, 1)), "DUMP-3")
    refused("dump-4-no-end", "There is no end.", header() + block(0, tree(b"a")), "DUMP-4")
    refused("dump-4-cut-off", "A block that is cut off.", whole[:-1], "DUMP-4")
    refused("dump-4-trees", "A tree less than it says.", header() + block(0, end(1, 0)), "DUMP-4")
    refused("dump-4-entries", "An entry less than it says.",
            header() + block(0, tree(b"a"), end(1, 1)), "DUMP-4")
    refused("dump-4-item-follows", "An item behind the end.",
            header() + block(0, end(0, 0), tree(b"a")), "DUMP-4")
    refused("dump-4-byte-follows", "A byte behind the last block.", whole + b"\0", "DUMP-4")


TEXT = """# Golden dumps

Bytes that every version of Caisson must read, or must refuse, in the same way, as texts such as `README.md` describes.
`make_dumps.py` writes `dumps/*.hex` and this page, from section 1 of `spec/dump.md` alone; `make_dumps.py --check` is a test
(`check_golden_dumps`), and `tools/rows/dump_format_test.cc` holds the code to every line below.

| expectation | means |
| --- | --- |
| `txn N` | the commit that it says it is of |
| `tree NAME`, `entry KEY VALUE` | what it holds, in order, in hexadecimal; `-`: no bytes |
| `refused CODE RULE` | reading it ends with this error |

| file | what it is | what has to happen |
| --- | --- | --- |
"""


def main():
    make_whole()
    make_refused()
    return pages.run(__doc__, "dumps", "DUMPS.md", TEXT, ("refused",))


if __name__ == "__main__":
    sys.exit(main())
