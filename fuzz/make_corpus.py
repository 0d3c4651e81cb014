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


# Ranges, prefixes, gets and estimates with keys of the tree and others; the first byte says how
# the file is opened: 6 to change it up to a checkpoint, 4 as one from a stranger.
READS = bytes(range(0, 250, 4))[:61]
CHANGES = bytes(range(3, 253, 4))[:61]


def add_trees(inputs):
    for path in sorted((GOLDEN / "trees").glob("*.hex")):
        name = path.stem
        size, blocks = load(path)
        for page_id, branch, page in nodes_of(blocks):
            data = node_input(page)
            if len(data) <= 2048:
                inputs["branch" if branch else "leaf"][f"{name}-{page_id}"] = data
        data = image(size, blocks)
        if len(data) > TREE_INPUT_MAX or name.startswith("reject-node"):
            continue
        whole = not name.startswith("reject-")
        inputs["cursor"][f"{name}-read"] = struct.pack("<BH", 1 if whole else 4, 9) + READS + data
        inputs["cursor"][f"{name}-change"] = struct.pack("<BH", 6, 9) + CHANGES + data


def main():
    inputs = {"meta": {}, "page": {}, "allocation": {}, "page_file": {}, "leaf": {}, "branch": {},
              "cursor": {}}
    add_trees(inputs)
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
