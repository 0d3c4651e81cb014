#!/usr/bin/python3
"""Checks that the program in README.md is a part of examples/quick_start.cc, which is built and run.

The includes at its beginning are looked for one by one, the rest as one piece.

Usage: check_readme.py
Exits with 0 when all is well, 1 when the two differ.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    example = (ROOT / "examples/quick_start.cc").read_text()
    readme = (ROOT / "README.md").read_text()
    programs = re.findall(r"```cpp\n(.*?)```", readme, re.DOTALL)
    wanted = []
    for program in programs:
        wanted += re.findall(r"^#include.*$", program, re.MULTILINE)
        wanted.append(re.sub(r"^#include.*\n", "", program, flags=re.MULTILINE).strip("\n"))
    missing = [text for text in wanted if text not in example]
    for text in missing:
        print(f"README.md: not in examples/quick_start.cc:\n{text}")
    if not programs:
        print("README.md: there is no program")
    return 1 if missing or not programs else 0


if __name__ == "__main__":
    sys.exit(main())
