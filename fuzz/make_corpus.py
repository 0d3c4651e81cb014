#!/usr/bin/python3
"""Writes the first inputs of the fuzz targets, from the page files and trees of spec/golden/.

They go to fuzz/corpus/*/golden-*. Inputs that fuzzing found lie beside them, under other names, and
stay. What an input looks like is described where its target is.

Usage: make_corpus.py
"""

import pathlib
import struct
import sys

FUZZ = pathlib.Path(__file__).resolve().parent
GOLDEN = FUZZ.parent / "spec/golden"
METAS_END = 131072
# A larger tree would allow too few runs a second.
TREE_INPUT_MAX = 12288


def load(path):
    size, blocks = 0, {}
    for line in path.read_text().splitlines():
        if line.startswith("size "):
            size = int(line[5:])
        elif not line.startswith(("#", "expect")):
            offset, row = line.split(":")
            offset = int(offset, 16)
            block = blocks.setdefault(offset // 4096, bytearray(4096))
            row = bytes.fromhex(row)
            block[offset % 4096:offset % 4096 + len(row)] = row
    return size, {at: bytes(block).rstrip(b"\0") for at, block in sorted(blocks.items())}


def image(size, blocks):
    out = struct.pack("<HH", size // 4096, size % 4096)
    for at, block in blocks.items():
        out += struct.pack("<HH", at, len(block)) + block
    return out


def blob_of(block):
    """An allocation page's part of the blob; None for other blocks."""
    if len(block) < 72 or block[4] != 1:
        return None
    size = struct.unpack_from("<I", block.ljust(88, b"\0"), 84)[0]
    return block.ljust(4096, b"\0")[88:88 + size]


def page_size_of(blocks):
    return struct.unpack_from("<I", blocks[0], 36)[0]


def nodes_of(blocks):
    """The leaves and branches: id, whether it is a branch, and its bytes."""
    page_size = page_size_of(blocks)
    whole = bytearray((max(blocks) + 16) * 4096)
    for at, block in blocks.items():
        whole[at * 4096:at * 4096 + len(block)] = block
    for page_id in range(METAS_END // page_size, len(whole) // page_size):
        page = bytes(whole[page_id * page_size:(page_id + 1) * page_size])
        if page[4] in (2, 3):
            yield page_id, page[4] == 3, page


def node_input(page):
    """fuzz/node_input.h: cut in two where the longest run of zeros is."""
    begin, end, at = len(page), len(page), 84
    while at < len(page):
        stop = at
        while stop < len(page) and page[stop] == 0:
            stop += 1
        if stop - at > end - begin:
            begin, end = at, stop
        at = stop + 1
    front, heap = page[72:begin], page[end:]
    code = {4096: 0, 8192: 1, 16384: 2, 32768: 3, 65536: 4}[len(page)]
    return struct.pack("<BBIH", code, page[5], len(heap), len(front)) + front + heap


def script(flags, *steps):
    """The script of an input of cursor_fuzz.cc, in which the tree is said to have 9 entries."""
    return struct.pack("<BH", flags, 9) + b"".join(map(bytes, steps)).ljust(61, b"\0")


def same(at):
    return (3, at)  # The key that lies there, in parts of 256; also with its end changed:


def longer(at):
    return (0, at)


def shorter(at):
    return (1, at)


def greater(at):
    return (2, at)


READ, FROM_A_STRANGER, CHANGE, CATALOG = 1, 4, 6, 8
READS = ((0, *same(0), *greater(255), 1, 9, 0, 3, 3, 6, 6, 1, 6, 3, 2, *longer(99)),
         (0, *shorter(99), *same(0), 0, 5, 1, 7, 7, 3, 3, 3), (1, *shorter(130), 3, 0, 3, 3, 3),
         (2, *same(99), 128), (2, *longer(99)), (3, *same(0), *same(60)), (3, *shorter(0), *same(9)),
         (3, *same(9), *greater(255)))
CHANGES = ((4, *longer(0), 80), (1, *same(0)), (3, *greater(255), 250), (4, *same(99), 200),
           (4, *shorter(200), 0), (1, *longer(99)), (5, *longer(120), 255), (5, *greater(60), 255),
           (0, *same(20), *same(120)), (3, *same(250), 30), (0, *shorter(0), *same(200)))


def add_trees(inputs):
    for path in sorted((GOLDEN / "trees").glob("*.hex")):
        name = path.stem
        size, blocks = load(path)
        for page_id, branch, page in nodes_of(blocks):
            data = node_input(page)
            if len(data) <= 2048:
                inputs["branch" if branch else "leaf"][f"{name}-{page_id}"] = data
        data = image(size, blocks)
        # Of three leaves the middle one is the only leaf with neighbours on both sides.
        if len(data) > TREE_INPUT_MAX and name != "two-levels" or name.startswith("reject-node"):
            continue
        whole = not name.startswith("reject-")
        how = READ if whole else FROM_A_STRANGER
        if "expect catalog" in path.read_text().splitlines():
            how |= CATALOG
        inputs["cursor"][f"{name}-read"] = script(how, *READS) + data
        inputs["cursor"][f"{name}-change"] = script(CHANGE, *CHANGES) + data


# Steps of log_fuzz.cc.
PART, COMMIT, ROLLBACK, MARK = 1, 2, 3, 4
NEW_BATCH, NEXT_FILE, WRONG = 8, 16, 32
TXN, PART_NUMBER, EPOCH, NEW_EPOCH = 0, 1, 2, 4


def step(kind, payload=b""):
    return bytes([kind, len(payload)]) + payload


def wrong(kind, field, value, payload=b""):
    return step(kind + WRONG, payload) + bytes([field, value])


def add_logs(inputs):
    commit = step(COMMIT, b"commit")
    inputs["log"] = {
        "commits": 3 * commit,
        "batches": commit + 2 * step(COMMIT + NEW_BATCH, b"commit"),
        "files": commit + step(COMMIT + NEXT_FILE, b"next file"),
        "parts": step(PART, b"one") + step(PART, b"two") + step(COMMIT, b"three") + commit,
        "rollback": step(PART, b"one") + step(PART, b"two") + bytes([ROLLBACK])
        + struct.pack("<II", 0, 1) + step(COMMIT, b"three"),
        "given-up": step(PART, b"one") + wrong(COMMIT, PART_NUMBER, 0, b"instead") + commit,
        "mark": commit + bytes([MARK]) + commit + bytes([MARK + NEW_BATCH + WRONG, 9, 0]),
        "epoch": commit + wrong(COMMIT + NEW_BATCH, NEW_EPOCH, 7, b"new epoch") + commit,
        "epoch-beside-parts": commit + step(PART, b"void")
        + wrong(COMMIT + NEW_BATCH, NEW_EPOCH, 7, b"new epoch"),
        "hole": commit + wrong(COMMIT, TXN, 9, b"later") + commit,
        "changed": 3 * commit + struct.pack("<BBHB", 0, 0, 4096 + 200, 1),
    }


def text(data):
    return bytes([len(data)]) + data


def add_operations(inputs):
    operations = {
        "create-tree": b"\x01\x05\x01" + text(b"name") + text(b"options"),
        "drop-tree": b"\x02\x05",
        "put": b"\x03\x05" + text(b"key") + text(b"value"),
        "delete": b"\x04\x05" + text(b"key"),
        "delete-range": b"\x05\x05" + text(b"a") + b"\x01" + text(b"b"),
        "delete-to-the-end": b"\x05\x05" + text(b"a") + b"\x00",
        "put-long": b"\x06\x05\x06" + text(b"key") + b"\x07" + text(b"123") + b"\x07" + text(b"456"),
        "put-long-in-two": b"\x06\x05\x06" + text(b"key") + b"\x07" + text(b"123") + b"\xff\xff\x07"
        + text(b"456"),
        "name-snapshot": b"\x08\x09" + text(b"name"),
        "forget-snapshot": b"\x09" + text(b"name"),
        "own": b"\x80\x05" + text(b"anything"),
    }
    operations["all"] = b"".join(operations.values())
    inputs["operations"] = operations


def add_stores(inputs):
    inputs["store"] = {}
    inputs["position"] = {}
    for path in sorted((GOLDEN / "stores").glob("*.hex")):
        size, blocks = load(path)
        data = blocks.get(0, b"").ljust(size, b"\0")
        if "position" in path.stem:
            inputs["position"][path.stem] = data
            continue
        if "lock-" not in path.stem:
            data = struct.pack("<QQ", 100, 9) + data
        inputs["store"][path.stem] = data


def add_archives(inputs):
    """The streams themselves, and the scripts that make the same of those that are whole."""
    inputs["archive"] = {}
    for path in sorted((GOLDEN / "archives").glob("*.hex")):
        size, blocks = load(path)
        stream = b"".join(block.ljust(4096, b"\0") for _, block in sorted(blocks.items()))[:size]
        inputs["archive"][path.stem] = stream
        if path.stem.startswith("reject-archive-1") or path.stem.startswith("reject-archive-2"):
            continue
        script = b""
        while stream:
            length = struct.unpack_from("<I", stream, 8)[0]
            script += bytes([stream[12], 0]) + struct.pack("<H", length) + stream[32:32 + length]
            stream = stream[32 + length:]
        inputs["archive"]["script-" + path.stem] = script


def add_rows(inputs):
    rows = {
        "tsv": b"\0\6key\tvalue\n\tempty key\nescapes\t\\t\\n\\r\\\\\\x00\\xFF\nend\t",
        "tsv-no-tab": b"\0\x40key\tvalue\nkey\n",
        "tsv-escape": b"\0\x40key\t\\x4",
        "json": b'\1\x09{"tree":"t","key":"k","value":"\\u00e4\\ud83d\\ude00\\n"}\n'
        b' { "value" : {"a" : [1, 2.50, "x y"]}, "key_base64" : "/wA=" }\n{"tree_base64":"/w=="}',
        "json-unknown": b'\1\x40{"key":"k","value":1,"x":2}',
        "json-cut-off": b'\1\x40{"key":"k","value":"',
    }
    for path in sorted((GOLDEN / "dumps").glob("*.hex")):
        size, blocks = load(path)
        data = b"".join(block.ljust(4096, b"\0") for block in blocks.values())
        if size <= 2048:
            rows["dump-" + path.stem] = b"\2\x1f" + data[:size].ljust(size, b"\0")
    inputs["rows"] = rows


def main():
    inputs = {"meta": {}, "page": {}, "allocation": {}, "page_file": {}, "leaf": {}, "branch": {},
              "cursor": {}}
    add_trees(inputs)
    add_logs(inputs)
    add_operations(inputs)
    add_stores(inputs)
    add_rows(inputs)
    add_archives(inputs)
    for path in sorted((GOLDEN / "pages").glob("*.hex")):
        name = path.stem
        size, blocks = load(path)
        whole = not name.startswith("reject-")
        if name.startswith("reject-meta-") or whole:
            for slot, at in ((0, 0), (1, 16)):
                if at in blocks and (whole or slot == 1):
                    inputs["meta"][f"{name}-{'ab'[slot]}"] = bytes([slot]) + blocks[at]
        if whole or name.startswith("reject-alloc-"):
            for at, block in blocks.items():
                blob = blob_of(block) if at * 4096 >= METAS_END else None
                if blob:
                    inputs["allocation"][f"{name}-{at}"] = struct.pack("<BQQ", 0, 41, 4) + blob
        if name in ("checkpoints-4", "levels-16k") or name.startswith("reject-page-3"):
            for at, block in blocks.items():
                if at * 4096 >= METAS_END:
                    code = 2 if "16k" in name else 0
                    header = struct.pack("<BQIQI", code, int.from_bytes(block[8:16], "little"),
                                         0, 9, at)
                    inputs["page"][f"{name}-{at}"] = header + block
        if whole or name.split("-")[1] in ("file", "page"):
            data = image(size, blocks)
            if len(data) <= 4096 or name == "blob-two-pages":
                inputs["page_file"][name] = data
    for target, files in inputs.items():
        folder = FUZZ / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("golden-*"):
            old.unlink()
        seen = set()
        for name, data in files.items():
            if data not in seen:
                (folder / f"golden-{name}").write_bytes(data)
            seen.add(data)
        print(f"{target}: {len(seen)} inputs, {sum(map(len, seen))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
