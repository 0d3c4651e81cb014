#!/usr/bin/python3
"""Writes the golden page files: a second implementation of spec/conventions.md and spec/pages.md.

It was written from those two pages alone and shares nothing with the C++ code, not even the CRC. So
where the two disagree, one of them misread the spec, or the spec can be misread.

Each golden file is a text of hexadecimal rows, since page files are mostly zeros and a change of a
golden file has to be seen in a review. It also says what has to happen to it. README.md, which this
program writes as well, explains the format and lists the files. Trees are made by make_trees.py,
which builds on this program.

Usage: make_pages.py            writes pages/*.hex and README.md
       make_pages.py --check    fails if what lies here differs from what would be written
       make_pages.py --raw DIR  writes the page files themselves into DIR
"""

import argparse
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
MIB = 1 << 20

# --- spec/conventions.md ----------------------------------------------------------------------


def crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)  # 0x1EDC6F41, reflected.
        table.append(byte)
    return table


CRC_TABLE = crc_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


# --- spec/pages.md ----------------------------------------------------------------------------

METAS_END = 131072
META_AT = {"A": 0, "B": 65536}
UUID = bytes(range(0xA0, 0xB0))
OTHER_UUID = bytes(range(0xC0, 0xD0))


def first_page(page_size):
    return METAS_END // page_size


def patched(block, *patches):
    """The bytes with others written over them: patches are (offset, bytes)."""
    block = bytearray(block)
    for offset, data in patches:
        assert offset + len(data) <= len(block)
        block[offset:offset + len(data)] = data
    return bytes(block)


def u8(number):
    return struct.pack("<B", number)


def u16(number):
    return struct.pack("<H", number)


def u32(number):
    return struct.pack("<I", number)


def u64(number):
    return struct.pack("<Q", number)


META_FIELDS = [  # name, offset, size; section 2.
    ("magic", 0, 8), ("version", 12, 4), ("uuid", 16, 16), ("slot", 32, 4), ("page_size", 36, 4),
    ("sequence", 40, 8), ("txn", 48, 8), ("root", 56, 8), ("root_checksum", 64, 4),
    ("apply_version", 68, 4), ("page_count", 72, 8), ("allocation", 80, 8),
    ("allocation_checksum", 88, 4), ("allocation_pages", 92, 4), ("allocation_size", 96, 8),
    ("log_file", 104, 8), ("log_offset", 112, 8), ("log_hash_low", 120, 8),
    ("log_hash_high", 128, 8), ("log_record_checksum", 136, 4), ("key_limit", 140, 4),
    ("value_limit", 144, 8), ("height_limit", 152, 4), ("required_features", 156, 4),
    ("log_epoch", 160, 8),
]
META_DEFAULTS = {
    "magic": b"CAISSONp", "version": 1, "uuid": UUID, "page_size": 4096, "key_limit": 256,
    "value_limit": 16 * MIB, "height_limit": 16,
}


class Meta:
    def __init__(self, slot, **fields):
        self.place = slot
        self.fields = {name: 0 for name, _, _ in META_FIELDS}
        self.fields.update(META_DEFAULTS, slot={"A": 0, "B": 1}[slot])
        self.set(**fields)

    def set(self, **fields):
        for name, value in fields.items():
            assert name in self.fields, name
            self.fields[name] = value
        return self

    def encode(self, *patches):
        """The block; patches are applied before its checksum is computed."""
        block = bytearray(4096)
        for name, offset, size in META_FIELDS:
            value = self.fields[name]
            if isinstance(value, int):
                value = value.to_bytes(size, "little")
            assert len(value) == size
            block[offset:offset + size] = value
        block = patched(block, *patches)
        return patched(block, (8, u32(crc32c(block))))


def page(page_type, level, page_id, txn, body, page_size=4096, uuid=UUID, patches=()):
    assert len(body) <= page_size - 72
    data = (u32(0) + u8(page_type) + u8(level) + u16(1) + u64(page_id) + u64(txn) + bytes(48) +
            body)
    data = patched(data.ljust(page_size, b"\0"), *patches)
    return patched(data, (0, u32(crc32c(uuid + data[4:]) or 0xFFFFFFFF)))


def page_with_crc_zero(page_id, txn, value):
    """A leaf whose last four bytes make its CRC 0, which is stored as 0xFFFFFFFF."""
    data = page(LEAF, 0, page_id, txn, u64(value))
    # Backwards: each step's table entry follows from the top byte that it left in the register.
    by_top = {entry >> 24: index for index, entry in enumerate(CRC_TABLE)}
    register, indexes = 0xFFFFFFFF, []
    for _ in range(4):
        indexes.insert(0, by_top[register >> 24])
        register = (register ^ CRC_TABLE[indexes[0]]) << 8 & 0xFFFFFFFF
    register = crc32c(UUID + data[4:-4]) ^ 0xFFFFFFFF
    last = bytearray()
    for index in indexes:
        last.append(register & 0xFF ^ index)
        register = register >> 8 ^ CRC_TABLE[index]
    assert crc32c(UUID + data[4:-4] + last) == 0
    return page(LEAF, 0, page_id, txn, u64(value), patches=[(len(data) - 4, bytes(last))])


def checksum_of(data):
    return int.from_bytes(data[:4], "little")


# The trees in these files are of two types of page, which mean nothing outside tests.
BRANCH = 130  # Body: u32 count, then for each child u64 page id and u32 checksum.
LEAF = 131    # Body: u64 value.


def branch_body(*children):
    return u32(len(children)) + b"".join(u64(i) + u32(c) for i, c in children)


def runs(entries, first):
    """One list of the blob. Entries are (first page, length) or (..., birth, death)."""
    out = varint(len(entries))
    end = first
    for begin, length, *lives in entries:
        out += varint(begin - end) + varint(length)
        end = begin + length
        if lives:
            birth, death = lives
            out += varint(birth) + varint(death - birth)
    return out


def blob(free=(), dead=(), earlier=(), first=32):
    return runs(free, first) + runs(dead, first) + runs(earlier, first)


class PageFile:
    """A page file under construction: metas, pages, and the bytes of each."""

    def __init__(self, page_size=4096):
        self.page_size = page_size
        self.blocks = {}  # offset -> bytes
        self.metas = {}   # slot -> Meta
        self.size = METAS_END

    def put(self, offset, data):
        self.blocks[offset] = data
        self.size = max(self.size, offset + len(data))
        return self

    def meta(self, meta, *patches):
        self.metas[meta.place] = meta
        return self.put(META_AT[meta.place], meta.encode(*patches))

    def page(self, page_type, level, page_id, txn, body, patches=()):
        data = page(page_type, level, page_id, txn, body, self.page_size, patches=patches)
        self.put(page_id * self.page_size, data)
        return page_id, checksum_of(data)

    def leaf(self, page_id, txn, value, patches=()):
        return self.page(LEAF, 0, page_id, txn, u64(value), patches)

    def branch(self, page_id, txn, *children, level=1, patches=()):
        return self.page(BRANCH, level, page_id, txn, branch_body(*children), patches)

    def blob(self, txn, ids, data, per_page=None, sizes=None, next_of_last=(0, 0), patches=(),
             page_type=1, level=0):
        """Writes the chain, the last page first; returns the meta's fields about it."""
        per_page = per_page or self.page_size - 88
        following = next_of_last
        for index in reversed(range(len(ids))):
            part = data[index * per_page:(index + 1) * per_page]
            size = sizes[index] if sizes else len(part)
            body = u64(following[0]) + u32(following[1]) + u32(size) + part
            following = self.page(page_type, level, ids[index], txn, body,
                                  patches if index == len(ids) - 1 else ())
        return dict(allocation=following[0], allocation_checksum=following[1],
                    allocation_pages=len(ids), allocation_size=len(data))

    def bytes(self):
        out = bytearray(self.size)
        for offset, data in self.blocks.items():
            data = data[:max(0, self.size - offset)]
            out[offset:offset + len(data)] = data
        return bytes(out)


# --- The files --------------------------------------------------------------------------------

FILES = {}  # name -> (meaning, [line], PageFile)


def golden(name, meaning, file, *says):
    assert name not in FILES, name
    FILES[name] = (meaning, list(says), file)


def empty(page_size=4096, a=None, b=None):
    file = PageFile(page_size)
    common = dict(page_size=page_size, page_count=first_page(page_size),
                  key_limit=min(page_size // 16, 1024))
    file.meta(Meta("A", sequence=1, **common).set(**(a or {})))
    file.meta(Meta("B", sequence=2, **common).set(**(b or {})))
    return file


def log_of(txn):
    """A place in a log that doesn't exist, with other bytes in every field."""
    return dict(log_file=0x0101010101010100 + txn, log_offset=0x0202020202020200 + txn,
                log_hash_low=0x0303030303030300 + txn, log_hash_high=0x0404040404040400 + txn,
                log_record_checksum=0x05050500 + txn, log_epoch=0x0606060606060600 + txn,
                apply_version=0x07070700 + txn)


def checkpoints(count):
    """The life of one small tree, after its first, second, ... checkpoint (txn = number).

    1: leaves 32 and 33 under branch 34. 2: leaf 35 replaces 33, branch 36. 3: leaf 38 replaces
    35, branch 39. 4: leaf 38 goes; branch 33, on a page that is free by then.
    """
    file = empty()
    one = file.leaf(32, 1, 11)
    two = file.leaf(33, 1, 12)
    root = file.branch(34, 1, one, two)
    file.meta(Meta("A", sequence=3, txn=1, root=root[0], root_checksum=root[1], page_count=35,
                   **log_of(1)))
    if count == 1:
        return file
    two = file.leaf(35, 2, 22)
    root = file.branch(36, 2, one, two)
    allocation = file.blob(2, [37], blob(dead=[(33, 2, 1, 2)]))
    file.meta(Meta("B", sequence=4, txn=2, root=root[0], root_checksum=root[1], page_count=38,
                   **allocation, **log_of(2)))
    if count == 2:
        return file
    two = file.leaf(38, 3, 23)
    root = file.branch(39, 3, one, two)
    allocation = file.blob(3, [40], blob(dead=[(33, 2, 1, 2), (35, 2, 2, 3)], earlier=[(37, 1)]))
    file.meta(Meta("A", sequence=5, txn=3, root=root[0], root_checksum=root[1], page_count=41,
                   **allocation, **log_of(3)))
    if count == 3:
        return file
    root = file.branch(33, 4, one)
    allocation = file.blob(
        4, [34], blob(free=[(37, 1)], dead=[(35, 2, 2, 3), (38, 2, 3, 4)], earlier=[(40, 1)]))
    file.meta(Meta("B", sequence=6, txn=4, root=root[0], root_checksum=root[1], page_count=41,
                   **allocation, **log_of(4)))
    return file


def changed_meta(*patches, **fields):
    """The file of two checkpoints, with fields or bytes of Meta B changed, its checksum right."""
    file = checkpoints(2)
    return file.meta(file.metas["B"].set(**fields), *patches)


def changed_blob(data=None, **how):
    """The file of two checkpoints, with another allocation blob in Meta B."""
    file = checkpoints(2)
    allocation = file.blob(2, [37], blob(dead=[(33, 2, 1, 2)]) if data is None else data, **how)
    return file.meta(file.metas["B"].set(**allocation))


def changed_tree(leaf_id=35, leaf=None, root=None, child_checksum=None):
    """The file of two checkpoints, with another leaf 35 or root 36 in the newer one."""
    file = checkpoints(2)
    one = 32, checksum_of(file.blocks[32 * 4096])
    two = leaf_id, checksum_of(file.blocks[35 * 4096])
    if leaf is not None:
        file.put(35 * 4096, leaf)
        two = leaf_id, checksum_of(leaf)
    if child_checksum is not None:
        two = leaf_id, child_checksum
    made = file.branch(36, 2, one, two)
    if root is not None:
        file.put(36 * 4096, root)
        made = 36, checksum_of(root)
    return file.meta(file.metas["B"].set(root_checksum=made[1]))


def make_valid():
    for kib in (4, 8, 16, 32, 64):
        golden(f"empty-{kib}k", f"A store as it is created, with pages of {kib} KiB.",
               empty(kib * 1024), "newest B", "txn 0", "leaves", "free", "dead", "earlier")
    golden("checkpoints-1", "A tree of two leaves; no page is unused, so there is no blob.",
           checkpoints(1), "newest A", "txn 1", "leaves 11 12", "free", "dead", "earlier")
    golden("checkpoints-2", "One leaf was replaced: dead pages, and a blob that says so.",
           checkpoints(2), "newest B", "txn 2", "leaves 11 22", "free", "dead 33+2:1-2",
           "earlier")
    golden("checkpoints-3", "Dead runs that touch and differ in birth; a blob before this one.",
           checkpoints(3), "newest A", "txn 3", "leaves 11 23", "free", "dead 33+2:1-2 35+2:2-3",
           "earlier 37+1")
    golden("checkpoints-4", "All three lists; the tree and the blob lie on pages used before.",
           checkpoints(4), "newest B", "txn 4", "leaves 11", "free 37+1",
           "dead 35+2:2-3 38+2:3-4", "earlier 40+1")

    file = empty(16384)
    leaves = [file.leaf(8 + i, 7, 100 + i) for i in range(4)]
    low = file.branch(12, 7, *leaves[:2])
    high = file.branch(13, 7, *leaves[2:])
    root = file.branch(14, 7, low, high, level=2)
    file.meta(Meta("A", page_size=16384, key_limit=1024, sequence=3, txn=9, root=root[0],
                   root_checksum=root[1], page_count=15))
    golden("levels-16k", "A tree of three levels, on pages of 16 KiB, older than its checkpoint.",
           file, "newest A", "txn 9", "leaves 100 101 102 103", "free", "dead", "earlier")

    # Births and ages are so large that few pages give a long blob.
    file = empty()
    dead = [(32 + i, 1, (1 << 63) + i, (1 << 63) + i + (1 << 62)) for i in range(195)]
    for page_id, _, birth, _ in dead:
        file.leaf(page_id, birth, 0)
    data = blob(dead=dead)
    assert 4008 < len(data) <= 2 * 4008
    txn = 3 << 62 | 500
    file.meta(Meta("A", sequence=3, txn=txn, page_count=229, **file.blob(txn, [227, 228], data)))
    golden("blob-two-pages", "A blob that fills a page and goes on in another; no tree; "
           "transactions beyond 2^63.", file, "newest A", f"txn {txn}", "leaves",
           "free", "dead " + " ".join(f"{p}+1:{b}-{d}" for p, _, b, d in dead), "earlier")

    file = empty()
    root = file.leaf(32, 1, 5)
    file.size = 37 * 4096
    file.meta(Meta("A", sequence=3, txn=1, root=root[0], root_checksum=root[1], page_count=37,
                   **file.blob(1, [36, 33], blob(free=[(34, 2)]))))
    golden("blob-spare-page", "A blob that would fit one page and takes two, not in the order of "
           "their ids; the root is a leaf.", file, "newest A", "txn 1", "leaves 5", "free 34+2",
           "dead", "earlier")

    file = empty()
    file.size = 33 * 4096
    file.meta(Meta("A", sequence=3, txn=1, page_count=33,
                   **file.blob(1, [32], blob())))
    golden("blob-empty", "The only free page was taken for the blob, which has nothing left to "
           "say.", file, "newest A", "txn 1", "leaves", "free", "dead", "earlier")

    golden("attachment", "Bytes of the store's own follow the third list.",
           changed_blob(blob(dead=[(33, 2, 1, 2)]) + b"mine"), "newest B", "txn 2",
           "leaves 11 22", "free", "dead 33+2:1-2", "earlier", "attachment mine")

    file = checkpoints(1)
    file.put(35 * 4096, b"not a page" * 500)
    golden("file-longer", "FILE-3: what lies behind the pages has no meaning, and may end within "
           "a page.", file, "newest A", "txn 1", "leaves 11 12", "free", "dead", "earlier")

    file = checkpoints(4)
    file.put(37 * 4096, b"torn" * 100 + bytes(3696))
    golden("free-page-torn", "A free page that is neither zero nor whole: noted, no damage.", file,
           "newest B", "txn 4", "leaves 11", "free 37+1", "dead 35+2:2-3 38+2:3-4",
           "earlier 40+1", "note PAGE-1 page 37")

    golden("page-checksum-zero", "A leaf whose CRC is 0 stores 0xFFFFFFFF.",
           changed_tree(leaf=page_with_crc_zero(35, 2, 22)), "newest B", "txn 2", "leaves 11 22",
           "free", "dead 33+2:1-2", "earlier")

    file = empty(a=dict(sequence=(1 << 63) - 1), b=dict(sequence=1 << 63, page_count=32))
    golden("meta-largest-sequence", "META-5: the last sequence that there can be.", file,
           "newest B", "txn 0", "leaves", "free", "dead", "earlier")


REST = ("newest A", "txn 1", "leaves 11 12", "free", "dead", "earlier")


def reject_candidate(name, meaning, file, rule, where="", code="corruption", in_meta=False):
    """Meta B's checkpoint is not offered; Meta A's is."""
    says = [f"not-offered B {code} {rule}{where}"]
    if in_meta:
        says.append(f"scrub {rule} offset 65536")
    golden("reject-" + name, meaning, file, *says, *REST)


def make_rejected_metas():
    def reject(name, meaning, file):
        reject_candidate(name, meaning, file, "META-" + name.split("-")[1], in_meta=True)

    file = checkpoints(2)
    file.put(65536, patched(file.blocks[65536], (4095, b"\1")))
    reject("meta-1-checksum", "A bit of Meta B flipped, in its last byte.", file)
    file = checkpoints(2)
    file.put(65536, patched(file.metas["B"].set(version=2).encode(), (100, b"\1")))
    reject("meta-1-before-version", "A version that is not believed, since the checksum is wrong.",
           file)
    file = empty()
    file.size = 65536 + 4095
    golden("reject-meta-1-cut-off", "The file ends within Meta B.", file,
           "not-offered A corruption FILE-3", "not-offered B corruption META-1",
           "open corruption -")
    reject("meta-2-magic", "The magic of something else, with a right checksum.",
           changed_meta(magic=b"CAISSONl"))
    reject("meta-2-zeros", "Meta B is zeros.", checkpoints(2).put(65536, bytes(4096)))
    for name, fields, meaning in (
            ("version", dict(version=2), "A later version in Meta B; Meta A could be read."),
            ("version-largest", dict(version=0xFFFFFFFF), "The latest version that there can be."),
            ("feature", dict(required_features=1 << 31), "A feature that nobody knows.")):
        golden("reject-meta-3-" + name, meaning, changed_meta(**fields),
               "begin unsupported-version META-3")
    reject("meta-3-version-0", "A version that never was.", changed_meta(version=0))
    reject("meta-4-slot", "Meta B says that it is Meta A.", changed_meta(slot=0))
    reject("meta-4-no-slot", "Meta B says that it is in a third place.", changed_meta(slot=2))
    for name, fields, meaning in (
            ("page-size", dict(page_size=12288), "Pages of 12 KiB."),
            ("page-size-small", dict(page_size=2048), "Pages of 2 KiB."),
            ("page-size-large", dict(page_size=131072), "Pages of 128 KiB."),
            ("page-size-zero", dict(page_size=0), "Pages of no bytes."),
            ("sequence-zero", dict(sequence=0), "Sequence 0."),
            ("sequence-large", dict(sequence=(1 << 63) + 1), "A sequence beyond 2^63."),
            ("page-count-small", dict(page_count=31, root=0, root_checksum=0, allocation=0,
                                      allocation_checksum=0, allocation_pages=0,
                                      allocation_size=0), "Fewer pages than the metas take."),
            ("page-count-large", dict(page_count=(1 << 48) + 1), "More than 2^48 pages."),
            ("root-below", dict(root=31), "A root within the area of the metas."),
            ("root-beyond", dict(root=38), "A root behind the last page."),
            ("root-without-checksum", dict(root_checksum=0), "A root, and 0 for its checksum."),
            ("checksum-without-root", dict(root=0), "No root, but a checksum for it."),
            ("allocation-below", dict(allocation=31), "A blob within the area of the metas."),
            ("allocation-beyond", dict(allocation=38), "A blob behind the last page."),
            ("allocation-without-checksum", dict(allocation_checksum=0),
             "A blob, and 0 for its checksum."),
            ("allocation-without-page", dict(allocation=0, allocation_checksum=0),
             "No blob, but a size and a number of pages."),
            ("allocation-empty", dict(allocation_size=0), "A blob of no bytes."),
            ("allocation-too-long", dict(allocation_size=4009), "More bytes than the page holds."),
            ("allocation-too-short", dict(allocation_pages=3), "Two pages to spare.")):
        reject("meta-5-" + name, meaning, changed_meta(**fields))
    reject("meta-5-first-unused-byte", "The byte behind the last field is not zero.",
           changed_meta((168, b"\1")))
    reject("meta-5-last-unused-byte", "The last byte is not zero.", changed_meta((4095, b"\1")))

    golden("reject-meta-6-uuid", "The metas are of two stores.", empty(b=dict(uuid=OTHER_UUID)),
           "begin wrong-store META-6")
    golden("reject-meta-6-page-size", "The metas differ in page size.",
           empty(b=dict(page_size=8192, page_count=16)), "begin corruption META-6")
    golden("reject-meta-6-sequence", "The metas have the same sequence.",
           empty(b=dict(sequence=1)), "begin corruption META-6")
    golden("reject-meta-6-txn", "The later meta has the earlier txn.",
           empty(a=dict(txn=2), b=dict(txn=1)), "begin corruption META-6")
    golden("reject-meta-6-limits", "The metas differ in the longest key.",
           empty(b=dict(key_limit=512)), "begin corruption META-6")


def make_rejected_files():
    rest = ("newest B", "txn 2", "leaves 11 22", "free", "dead 33+2:1-2", "earlier")
    for name, at, found in (("behind-a", 4096, 4096), ("before-b", 65535, 4096),
                            ("behind-b", 69632, 69632), ("before-pages", 131071, 69632)):
        golden("reject-file-2-" + name, "A byte that is not zero in the area of the metas.",
               checkpoints(2).put(at, b"\1"), f"scrub FILE-2 offset {found}", *rest)
    file = checkpoints(2)
    file.size -= 1
    reject_candidate("file-3-short", "The last page lacks its last byte.", file, "FILE-3")


def make_rejected_pages():
    newest = ("newest B", "txn 2", "free", "dead 33+2:1-2", "earlier")

    def reject_leaf(name, meaning, file, scrubbed=True, page_id=35):
        rule = "PAGE-" + name.split("-")[1]
        says = [f"read {rule} page {page_id}"]
        if scrubbed:
            says.append(f"scrub {rule} page {page_id}")
        golden("reject-" + name, meaning, file, *says, *newest)

    def leaf(page_id=35, txn=2, **how):
        return page(LEAF, 0, page_id, txn, u64(22), **how)

    def root(txn=2, **how):
        file = checkpoints(2)
        one, two = ((i, checksum_of(file.blocks[i * 4096])) for i in (32, 35))
        return page(BRANCH, 1, 36, txn, branch_body(one, two), **how)

    file = checkpoints(2)
    file.put(36 * 4096, patched(root(), (4095, b"\1")))
    reject_candidate("page-1-root", "A bit of the root flipped.", file, "PAGE-1", " page 36")
    file = checkpoints(2)
    file.put(35 * 4096, patched(leaf(), (4095, b"\1")))
    reject_leaf("page-1-leaf", "A bit of a leaf flipped, in its last byte.", file)
    reject_leaf("page-1-zeros", "A leaf is zeros, and its parent's checksum 0 as well.",
                changed_tree(leaf=bytes(4096)))
    zero = patched(page_with_crc_zero(35, 2, 22), (0, u32(0)))
    reject_leaf("page-1-checksum-zero", "A leaf whose CRC is 0 and which stores 0.",
                changed_tree(leaf=zero))
    reject_leaf("page-1-other-store", "A leaf of another store.",
                changed_tree(leaf=leaf(uuid=OTHER_UUID)))
    reject_leaf("page-2-leaf", "A whole leaf that belongs to another place.",
                changed_tree(leaf=leaf(page_id=34)))
    reject_leaf("page-3-type", "A leaf of type 0.",
                changed_tree(leaf=leaf(patches=[(4, b"\0")])))
    reject_leaf("page-3-version", "A leaf of a later layout.",
                changed_tree(leaf=leaf(patches=[(6, b"\2")])))
    reject_leaf("page-3-first-reserved", "The first reserved byte is not zero.",
                changed_tree(leaf=leaf(patches=[(24, b"\1")])))
    reject_leaf("page-3-last-reserved", "The last reserved byte is not zero.",
                changed_tree(leaf=leaf(patches=[(71, b"\1")])))
    old_leaf = page(LEAF, 0, 35, 1, u64(21))
    file = checkpoints(2)
    file.put(35 * 4096, old_leaf)
    reject_leaf("page-4-leaf", "An older version of a leaf: its write was lost.", file,
                scrubbed=False)
    file = checkpoints(2)
    file.put(36 * 4096, page(BRANCH, 1, 36, 1, branch_body()))
    reject_candidate("page-4-root", "An older version of the root.", file, "PAGE-4", " page 36")
    file = checkpoints(2)
    file.put(37 * 4096, page(1, 0, 37, 1, u64(0) + u32(0) + u32(3) + bytes(3)))
    reject_candidate("page-4-blob", "An older version of the blob.", file, "PAGE-4", " page 37")
    reject_leaf("page-5-leaf", "A leaf later than the checkpoint.", changed_tree(leaf=leaf(txn=3)))
    reject_leaf("page-5-zero", "A leaf that nobody made.", changed_tree(leaf=leaf(txn=0)))
    reject_candidate("page-5-root", "A root later than its checkpoint.",
                     changed_tree(root=root(txn=3)), "PAGE-5", " page 36")
    reject_leaf("page-6-below", "A reference into the area of the metas.",
                changed_tree(leaf_id=31), scrubbed=False, page_id=31)
    reject_leaf("page-6-beyond", "A reference behind the last page.", changed_tree(leaf_id=38),
                scrubbed=False, page_id=38)
    reject_candidate("page-6-blob", "A blob whose next page is behind the last page.",
                     two_page_blob((38, 1), 1), "PAGE-6", " page 38")


def two_page_blob(next_of_last, pages):
    """Meta B's blob has two pages by the meta, 35 bytes in 37's part, and goes on as told."""
    file = checkpoints(2)
    allocation = file.blob(2, [37], blob(dead=[(33, 2, 1, 2)]), next_of_last=next_of_last)
    allocation["allocation_pages"] = pages + 1
    return file.meta(file.metas["B"].set(**allocation))


def make_rejected_blobs():
    def reject(name, meaning, file, where=""):
        reject_candidate(name, meaning, file, "ALLOC-" + name.split("-")[1], where)

    good = blob(dead=[(33, 2, 1, 2)])
    one = " page 37"
    reject("alloc-1-type", "A page of a tree in the place of the blob.",
           changed_blob(page_type=LEAF), one)
    reject("alloc-1-level", "A blob's page of level 1.", changed_blob(level=1), one)
    reject("alloc-1-size", "A page that says it has less of the blob than it should.",
           changed_blob(sizes=[len(good) - 1]), one)
    reject("alloc-1-behind", "A byte behind the blob is not zero.",
           changed_blob(patches=[(4095, b"\1")]), one)
    reject("alloc-1-chain-short", "A chain of one page where the meta says two.",
           two_page_blob((0, 0), 1))
    reject("alloc-1-chain-long", "A chain that goes on behind its last page.",
           two_page_blob((35, 1), 0))
    reject("alloc-1-checksum-in-last", "The last page has a checksum for a next one.",
           two_page_blob((0, 1), 0))
    reject("alloc-1-ends-early", "The third list is missing.", changed_blob(good[:-1]))
    reject("alloc-1-count", "A list with more runs than there are bytes.",
           changed_blob(varint(1 << 62) + good[1:]))
    reject("alloc-1-varint", "A varint that is not of the shortest form.",
           changed_blob(b"\x80\0" + good[1:]))
    reject("alloc-1-varint-large", "A varint that does not fit in 64 bits.",
           changed_blob(b"\xff" * 9 + b"\x02" + good[1:]))

    def lists(free=(), dead=(), earlier=()):
        return changed_blob(blob(free, dead, earlier))

    reject("alloc-2-empty-run", "A run of no pages.", lists(free=[(33, 0)]))
    reject("alloc-2-begins-beyond", "A run that begins behind the last page.",
           lists(free=[(38, 1)]))
    reject("alloc-2-ends-beyond", "A run that ends behind the last page.", lists(free=[(33, 6)]))
    reject("alloc-2-wraps", "A gap and a length that would wrap around 2^64.",
           lists(free=[(33, (1 << 64) - 1)]))
    reject("alloc-2-gap-wraps", "A gap that would wrap around 2^64.",
           changed_blob(varint(1) + varint((1 << 64) - 1) + varint(1) + b"\0\0"))
    reject("alloc-2-touching", "Two free runs that touch.", lists(free=[(33, 1), (34, 1)]))
    reject("alloc-2-touching-dead", "Two dead runs that touch and agree in birth and death.",
           lists(dead=[(33, 1, 1, 2), (34, 1, 1, 2)]))
    reject("alloc-3-two-lists", "A page that is free and dead.",
           lists(free=[(34, 1)], dead=[(33, 2, 1, 2)]), " page 34")
    reject("alloc-3-earlier", "A page that is free and of the earlier blob.",
           lists(free=[(34, 1)], earlier=[(34, 1)]), " page 34")
    reject("alloc-3-own-page", "A blob that calls its own page free.", lists(free=[(37, 1)]), one)
    reject("alloc-3-root", "A blob that calls the root free.", lists(free=[(36, 1)]), " page 36")
    reject("alloc-4-birth-zero", "A page born at 0.", lists(dead=[(33, 2, 0, 2)]))
    reject("alloc-4-death-at-birth", "A page that died at its birth.", lists(dead=[(33, 2, 2, 2)]))
    reject("alloc-4-death-later", "A page that died after the checkpoint.",
           lists(dead=[(33, 2, 1, 3)]))
    reject("alloc-4-wraps", "A birth and an age that would wrap around 2^64.",
           changed_blob(b"\0" + varint(1) + varint(1) + varint(2) + varint(2) +
                        varint((1 << 64) - 1) + b"\0"))


# --- Texts ------------------------------------------------------------------------------------


def hex_rows(data):
    rows = []
    for offset in range(0, len(data), 16):
        row = data[offset:offset + 16]
        if any(row):
            rows.append(f"{offset:08x}: {row.hex(' ')}")
    return rows


def text_of(name):
    meaning, says, file = FILES[name]
    lines = [f"# {meaning}"] + [f"expect {line}" for line in says] + [f"size {file.size}"]
    return "\n".join(lines + hex_rows(file.bytes())) + "\n"


README = """# golden/

Small files of bytes that every version of Caisson must read, or must refuse, in the same way. **Once released, files
are only added**: no file and no expectation changes or goes.

`make_pages.py` writes `pages/*.hex` and this page, from the spec alone: it shares nothing with the code that it
tests. `make_pages.py --check` is a test (`check_golden`), and so is `pager/golden_test.cc`, which holds the code to
every line below. `make_pages.py --raw DIR` writes the page files themselves. Trees, logs and stores have pages of their own:
`TREES.md`, `LOGS.md`, `STORES.md`, `ARCHIVES.md`, `DUMPS.md`.

## Format

A `.hex` file is a text: lines that start with `#` say what it is, `expect` lines what has to happen, `size` how long
the page file is, and rows of `offset: bytes` in hexadecimal what is in it; all other bytes are zero. The trees in
them have pages of two types. 130 is a branch: u32 count, then for each child u64 page id and u32 checksum. 131 is a
leaf: u64 value.

| expectation | means |
| --- | --- |
| `begin CODE RULE` | the file is refused as a whole, with this code, for breaking this rule |
| `open CODE RULE` | no checkpoint is offered (`-`: the error names the rules in its message) |
| `not-offered SLOT CODE RULE [page ID]` | the checkpoint of this meta is not offered, and why; any other one is |
| `newest SLOT`, `txn N` | the checkpoint that is opened, and its txn |
| `leaves VALUE...` | the leaves' values, from left to right |
| `free`, `dead`, `earlier` | the lists of its blob, as `FIRST+COUNT`, with `:BIRTH-DEATH` for dead runs |
| `attachment TEXT` | what follows them |
| `read RULE page ID` | reading the tree through its references meets this damage |
| `scrub RULE page ID`, `scrub RULE offset N` | a scrub finds this damage, and `open_untrusted` refuses the file |
| `note RULE page ID` | a scrub notes this, and it is no damage |

A scrub finds nothing but what is listed.

## Files

| file | what it is | what has to happen |
| --- | --- | --- |
"""


def listed(heading, shown):
    """A page that lists the files, with those expectations that begin with one of these words."""
    rows = []
    for name, (meaning, says, _) in FILES.items():
        lines = [line for line in says if line.split()[0] in shown]
        what = "; ".join(f"`{line}`" for line in lines) or "is read"
        rows.append(f"| `{name}` | {meaning} | {what} |\n")
    return heading + "".join(rows)


def run(usage, folder, readme, heading, shown):
    """Writes FILES into a folder, and the page that lists them; or as the arguments say."""
    program = pathlib.Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(description=usage,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    parser.add_argument("--raw", metavar="DIR", type=pathlib.Path, help="write page files to DIR")
    arguments = parser.parse_args()

    if arguments.raw:
        arguments.raw.mkdir(parents=True, exist_ok=True)
        for name, (_, _, file) in FILES.items():
            (arguments.raw / f"{name}.pages").write_bytes(file.bytes())
        return 0
    wanted = {HERE / readme: listed(heading, shown)}
    wanted.update((HERE / folder / f"{name}.hex", text_of(name)) for name in FILES)
    if not arguments.check:
        (HERE / folder).mkdir(exist_ok=True)
        for path, text in wanted.items():
            path.write_text(text)
        return 0
    problems = [f"{path.relative_to(HERE)}: differs from what {program} writes"
                for path, text in wanted.items()
                if not path.exists() or path.read_text() != text]
    problems += [f"{path.relative_to(HERE)}: {program} knows nothing of it"
                 for path in (HERE / folder).iterdir() if path not in wanted]
    print("\n".join(problems) or f"{len(FILES)} golden files are as {program} writes them")
    return 1 if problems else 0


def main():
    make_valid()
    make_rejected_metas()
    make_rejected_files()
    make_rejected_pages()
    make_rejected_blobs()
    return run(__doc__, "pages", "README.md", README,
               ("begin", "open", "not-offered", "read", "scrub", "note"))


if __name__ == "__main__":
    sys.exit(main())
