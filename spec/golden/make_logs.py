#!/usr/bin/python3
"""Writes the golden logs: a second implementation of spec/commit_log.md.

It was written from that page (and conventions.md) alone, as make_pages.py was from its own, whose
form of files it uses. The one thing that it takes from elsewhere is XXH3-128.

Usage: make_logs.py             writes logs/*.hex and LOGS.md
       make_logs.py --check     fails if what lies here differs from what would be written
       make_logs.py --raw DIR   writes the log files themselves into DIR, one behind the other
"""

import sys

import xxhash

import make_pages as pages
from make_pages import OTHER_UUID, UUID, crc32c, golden, patched, u8, u16, u32, u64, varint

FILE_SIZE = 65536
BATCH = 4096
PART, COMMIT, ROLLBACK, MARK = 1, 2, 3, 4
BEGINS_EPOCH, CLOSED = 1, 2


def crc32c_on(crc, data):
    """crc32c of what had the value crc, followed by data."""
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ pages.CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def chain(before, payload):
    """A hash is its 16 bytes, low half first; the digest has the high half first."""
    return xxhash.xxh3_128_digest(before + payload, seed=0)[::-1]


# --- Section 1 --------------------------------------------------------------------------------


def file_header(sequence, uuid=UUID, size=FILE_SIZE, version=1, magic=b"CAISSONl", patches=()):
    block = magic + u32(0) + u32(version) + uuid + u64(sequence) + u64(size)
    block = patched(block.ljust(4096, b"\0"), *patches)
    return patched(block, (8, u32(crc32c(block))))


# --- Section 2 --------------------------------------------------------------------------------


class Log:
    """Log files of 64 KiB, one behind the other, and the chain of records in them."""

    def __init__(self, files=1):
        self.blocks = {}
        self.size = files * FILE_SIZE
        for sequence in range(1, files + 1):
            self.put(sequence, 0, file_header(sequence))
        self.file, self.offset = 1, BATCH
        self.previous = (0, 0)
        self.checksum = 0
        self.epoch = 0
        self.txn = 0
        self.acknowledged = 0
        self.next_part = 0
        self.hash = self.committed = bytes(16)
        self.resume = None
        self.says = []

    def put(self, sequence, offset, data):
        self.blocks[(sequence - 1) * FILE_SIZE + offset] = data
        return self

    def record(self, kind, payload=b"", at=None, patches=(), trailer=None, padding=b"", **fields):
        """Writes a record. What `fields` name is as they say, the rest as it has to be."""
        if at:
            self.file, self.offset = at
        is_mark = kind == MARK
        part = 0 if is_mark else self.next_part
        begins = self.epoch == 0
        values = dict(magic=b"CRec", flags=BEGINS_EPOCH if begins else 0, size=len(payload),
                      file=self.file, offset=self.offset, epoch=7 if begins else self.epoch,
                      txn=self.txn if is_mark else self.txn + 1, acknowledged=self.acknowledged,
                      previous=self.previous, checksum=self.checksum, part=part, uuid=UUID)
        values.update(fields)
        before = self.committed if values["part"] == 0 else self.hash
        value = self.committed if is_mark else chain(before, payload)
        value = fields.get("hash", value)
        header = b"".join((
            u8(kind), u8(values["flags"]), u16(0), u32(values["size"]), u64(values["file"]),
            u64(values["offset"]), u64(values["epoch"]), u64(values["txn"]),
            u64(values["acknowledged"]), u64(values["previous"][0]), u64(values["previous"][1]),
            u32(values["checksum"]), u32(values["part"]), value, bytes(8 + 48)))
        header = patched(values["magic"] + u32(0) + header, *patches)
        assert len(header) == 152
        seed = crc32c(values["uuid"])
        header = patched(header, (4, u32(crc32c_on(seed, header[8:]))))
        body = payload + padding.ljust(-len(payload) % 8, b"\0")
        checksum = crc32c_on(crc32c_on(seed, payload), header)
        size = len(header) + len(body) + 8
        self.put(self.file, self.offset, header + body + (trailer or u32(size) + u32(checksum)))
        self.previous = (self.file, self.offset)
        self.checksum = checksum
        self.epoch = values["epoch"]
        self.hash = value
        self.offset += size
        self.next_part = 0 if kind in (COMMIT, MARK) else values["part"] + 1
        if kind == COMMIT:
            self.txn = values["txn"]
            self.committed = value
        if kind in (COMMIT, MARK) and not values["flags"] & CLOSED:
            self.resume = (self.previous, checksum, self.offset)
        return self

    def commit(self, payload, **fields):
        """A commit of one record, and what a reader says of it."""
        return self.record(COMMIT, payload, **fields).said(payload)

    def said(self, payload):
        shown = payload.hex() or "-"
        self.says.append(f"commit {self.txn} {shown} {self.committed.hex()}")
        return self

    def batch(self):
        """What follows is a batch of its own; and all before it is acknowledged."""
        self.offset = -(-self.offset // BATCH) * BATCH
        self.acknowledged = self.txn
        return self

    def new_epoch(self, epoch):
        """Goes on as a process does that found the log as it is."""
        self.previous, self.checksum, self.offset = self.resume
        self.file = self.previous[0]
        self.next_part = 0
        self.hash = self.committed
        self.batch()
        return dict(flags=BEGINS_EPOCH, epoch=epoch)

    def ends(self, offset=None, file=None):
        """Where a reader finds the end: the last commit, and where a new epoch would begin."""
        at = offset or -(-self.offset // BATCH) * BATCH
        self.says.append(f"end {self.txn} {file or self.file} {at}")
        return self

    def bytes(self):
        return pages.PageFile.bytes(self)


PUT = u8(3) + varint(5) + varint(3) + b"key" + varint(5) + b"value"
DELETE = u8(4) + varint(5) + varint(3) + b"key"


def log(name, meaning, made):
    golden(name, meaning, made, *made.says)


# --- The files --------------------------------------------------------------------------------


def make_valid():
    log("empty", "No record yet.", Log().ends(BATCH))
    log("one", "One commit.", Log().commit(PUT).ends())
    log("nothing", "A commit of no operations.", Log().commit(b"").ends())
    log("packed", "Three commits in one batch.", Log().commit(PUT).commit(DELETE).commit(b"").ends())
    log("batches", "Three commits, each flushed by itself.",
        Log().commit(PUT).batch().commit(DELETE).batch().commit(PUT).ends())
    made = Log(2).commit(PUT).batch()
    log("two-files", "The second commit is in the next file.",
        made.commit(DELETE, at=(2, BATCH)).ends())
    made = Log().record(PART, PUT).record(PART, DELETE).record(COMMIT, PUT)
    log("parts", "One commit in three parts.", made.said(PUT + DELETE + PUT).commit(PUT).ends())
    made = Log().record(PART, PUT).record(PART, DELETE + PUT)
    made.record(ROLLBACK, u32(1) + u32(len(DELETE))).record(COMMIT, DELETE)
    log("rollback", "The second part is void from its second operation on.",
        made.said(PUT + DELETE + DELETE).ends())
    made = Log().record(PART, PUT).record(PART, PUT)
    log("given-up", "A commit without an end; its number goes to the next.",
        made.commit(DELETE, part=0).ends())
    made = Log().commit(PUT).record(PART, DELETE)
    log("no-end", "The last commit has no end.", made.ends(BATCH * 2))
    made = Log().commit(PUT).batch().record(MARK).batch()
    log("mark", "A mark between two commits.", made.commit(DELETE).ends())
    made = Log().commit(PUT).batch().record(MARK, flags=CLOSED)
    log("closed", "The store was closed: the next epoch overwrites the mark.", made.ends(BATCH * 2))
    made = Log().commit(PUT)
    log("epoch", "Two lives of a store.", made.commit(DELETE, **made.new_epoch(8)).ends())
    made = Log().commit(PUT).record(PART, DELETE)
    log("epoch-beside-parts", "A new epoch beside parts that an earlier one left.",
        made.commit(PUT, **made.new_epoch(8)).ends())
    made = Log().commit(PUT).commit(DELETE, previous=(0, 0))
    log("previous-not-known", "The record before is known by its checksum only.", made.ends())
    made = Log().commit(PUT)
    offset = made.offset
    made.record(COMMIT, DELETE, file=9)
    made.txn = 1
    log("recycled", "Behind the end lies what the file held when it had another number.",
        made.ends(-(-offset // BATCH) * BATCH))


def make_ends():
    """Logs that end before a record that is not right; nothing says that it was acknowledged."""

    def wrong(name, meaning, payload=PUT, **fields):
        made = Log().commit(DELETE)
        offset = made.offset
        made.record(fields.pop("kind", COMMIT), payload, **fields)
        made.txn = 1
        log(f"ends-{name}", meaning, made.ends(-(-offset // BATCH) * BATCH))

    wrong("log-4-magic", "No magic.", magic=b"CRed")
    wrong("log-4-store", "Checksums of another store.", uuid=OTHER_UUID)
    wrong("log-4-header", "The header's checksum covers all of it.", trailer=u32(0) + u32(0))
    wrong("log-4-type", "A type that there is not.", kind=5)
    wrong("log-4-flags", "A flag that there is not.", flags=4)
    wrong("log-4-closed", "Closed, and no mark.", flags=CLOSED)
    wrong("log-4-zeros", "A byte that has to be zero.", patches=[(97, u8(1))])
    wrong("log-4-reserved", "A reserved byte.", patches=[(151, u8(1))])
    wrong("log-4-padding", "A byte behind the payload.", payload=b"x", padding=b"\1")
    wrong("log-4-size", "The trailer's size differs.", trailer=u32(8))
    wrong("log-4-mark", "A mark with a part number.", kind=MARK, payload=b"", txn=1, part=1)
    wrong("log-4-rollback", "A rollback of other than eight bytes.", kind=ROLLBACK, payload=b"1234",
          part=1)
    wrong("log-5-file", "Another file's.", file=2)
    wrong("log-5-offset", "Another place's.", offset=BATCH)
    wrong("log-6-checksum", "Linked to another record.", checksum=1)
    wrong("log-6-previous", "Linked to another place.", previous=(1, BATCH - 8))
    wrong("log-6-epoch", "Another epoch, that does not begin.", epoch=9)
    wrong("log-6-begins", "An epoch that begins anew.", flags=BEGINS_EPOCH)
    wrong("log-6-txn", "Not the next commit.", txn=3)
    wrong("log-6-part", "Not the first part.", part=1)
    wrong("log-6-hash", "Another history.", hash=bytes(16))
    wrong("log-8-itself", "Acknowledges itself.", acknowledged=2)
    made = Log().commit(PUT).commit(PUT, acknowledged=1)
    offset = made.offset
    made.record(COMMIT, PUT, acknowledged=0)
    made.txn = 2
    log("ends-log-8-less", "Acknowledges less than the record before.",
        made.ends(-(-offset // BATCH) * BATCH))
    made = Log().commit(PUT)
    made.put(1, made.offset + 100, u8(1)).batch().acknowledged = 0
    made.record(COMMIT, DELETE)
    made.txn = 1
    log("ends-log-7-between", "A byte between two batches, and no new epoch.", made.ends(BATCH * 2))


def refused(name, rule, meaning, made):
    golden(f"reject-{name}", meaning, made, f"refused {rule}")


def make_rejected():
    for name, meaning, header in (
            ("magic", "No magic.", file_header(1, magic=b"CAISSONp")),
            ("version-0", "A version that never was.", file_header(1, version=0)),
            ("uuid", "Another store's.", file_header(1, uuid=OTHER_UUID)),
            ("sequence", "Another number's.", file_header(2)),
            ("sequence-0", "No number.", file_header(0)),
            ("size-small", "A size that no file has.", file_header(1, size=FILE_SIZE - 4096)),
            ("size-odd", "A size that is no multiple of 4,096.", file_header(1, size=FILE_SIZE + 8)),
            ("size-short", "A file that is shorter than it says.",
             file_header(1, size=2 * FILE_SIZE)),
            ("zeros", "A byte that has to be zero.", file_header(1, patches=[(4095, u8(1))])),
            ("version-2", "A version to come.", file_header(1, version=2))):
        refused(f"log-1-{name}", "LOG-1", meaning, Log().put(1, 0, header))
    damaged = patched(file_header(1), (20, b"?"))
    refused("log-1-checksum", "LOG-1", "The checksum differs.", Log().put(1, 0, damaged))

    made = Log().commit(PUT).batch().commit(PUT).batch().commit(PUT)
    refused("recover-3-batch", "RECOVER-3", "A batch is missing that the next one acknowledges.",
            made.put(1, 2 * BATCH, bytes(BATCH)))
    made = Log(2).commit(PUT).batch().commit(PUT).batch().commit(PUT, at=(2, BATCH))
    refused("recover-3-file", "RECOVER-3", "The next file acknowledges what is missing.",
            made.put(1, 2 * BATCH, bytes(BATCH)))
    made = Log(2).commit(PUT).batch().commit(PUT, at=(2, BATCH)).batch().commit(PUT)
    refused("recover-3-header", "RECOVER-3", "A file that was used has lost its header.",
            made.put(2, 0, bytes(BATCH)))
    made = Log().commit(PUT).batch().commit(PUT)
    made.batch().acknowledged = 1
    made.commit(PUT).acknowledged = 2
    refused("recover-3-inside", "RECOVER-3", "Within a batch a record acknowledges what is missing.",
            made.commit(PUT).put(1, 2 * BATCH, bytes(BATCH)))
    made = Log().commit(PUT).batch().record(MARK)
    refused("recover-3-mark", "RECOVER-3", "A mark acknowledges what is missing.",
            made.put(1, BATCH, bytes(BATCH)))
    made = Log().commit(PUT)
    made.commit(PUT, **made.new_epoch(8))
    refused("recover-3-epoch", "RECOVER-3", "A later epoch acknowledges what is missing.",
            made.put(1, BATCH, bytes(BATCH)))


README = """# Golden logs

Commit logs that every version of Caisson must read, or must refuse, in the same way, as texts such as `README.md`
describes: files of 64 KiB, one behind the other. `make_logs.py` writes `logs/*.hex` and this page, from
`spec/commit_log.md` alone; `make_logs.py --check` is a test (`check_golden_logs`), and `log/golden_test.cc` holds the
code to every line below. The store's UUID is that of `README.md`, and the log is read from its first record.

| expectation | means |
| --- | --- |
| `commit N BYTES HASH` | commit N holds these operations (`-`: none), and the running hash behind it is this one |
| `end N FILE OFFSET` | commit N is the last, and a new epoch begins there |
| `refused RULE` | the log has no end that could be believed |

| file | what it is | what has to happen |
| --- | --- | --- |
"""


def main():
    make_valid()
    make_ends()
    make_rejected()
    return pages.run(__doc__, "logs", "LOGS.md", README, ("end", "refused"))


if __name__ == "__main__":
    sys.exit(main())
