#!/usr/bin/python3
"""Writes the first inputs of the fuzz targets of the page file, from spec/golden/pages/.

They go to fuzz/corpus/{meta,page,allocation,page_file}/golden-*. Inputs that fuzzing found lie
beside them, under other names, and stay. What an input looks like is described where its target is.

Usage: make_corpus.py
"""

import pathlib
import struct
import sys

FUZZ = pathlib.Path(__file__).resolve().parent
GOLDEN = FUZZ.parent / "spec/golden/pages"
METAS_END = 131072


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


def main():
    inputs = {"meta": {}, "page": {}, "allocation": {}, "page_file": {}}
    for path in sorted(GOLDEN.glob("*.hex")):
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
