#!/usr/bin/python3
"""Checks that the arrows between folders run one way.

tools/layers.txt is the architecture: one line a module, naming the modules whose headers it may
include. On top of that table, this checks that

  cycle      the table itself has no cycle;
  layer      a module includes only itself and what its line allows;
  public     include/caisson includes nothing of ours outside include/caisson, modules include
             only <caisson/types.h> and <caisson/error.h> of it, and db/ all of it;
  leaf       nothing includes tools, bench, fuzz, tests, bindings or examples, but fuzz includes
             tools, whose decoders it feeds, and bench what all programs share;
  shipped    code in the library includes no support for tests (testing/, io/sim/);
  system     only io/ calls the operating system, reads a clock or draws randomness, so that a
             simulated disk and a seed can stand in for all of it;
  test       every *_test.cc lies where the build finds it; with --build DIR, that it is built.

Usage: check_layers.py [--root DIR] [--build DIR]
Exits with 0 when all is well, 1 when a rule is broken, 2 on wrong usage.
"""

import argparse
import json
import pathlib
import re
import sys

LEAVES = ["tools", "bench", "fuzz", "tests", "bindings", "examples"]
# Who may include a leaf: what feeds the decoders of the tools, and a program like them.
TOOLS_USERS = [("fuzz", "tools"), ("bench", "tools")]
PUBLIC_FOR_MODULES = ["types.h", "error.h"]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

# Headers that open a way past io/ to the operating system.
SYSTEM_HEADERS = re.compile(
    r"^(unistd|fcntl|pthread|dirent|signal|poll|sched|spawn|termios|dlfcn|aio|libaio|liburing"
    r"|time|syscall|glob|ftw|pwd|grp|netdb)\.h$"
    r"|^(sys|linux|asm|netinet|arpa|net)/"
    r"|^(filesystem|fstream|iostream|print|ctime|csignal)$")
# Tests and test support may use these to look at real files.
SYSTEM_HEADERS_IN_TESTS = {"filesystem", "fstream", "iostream", "print"}
# Says what the CPU can do, which is the same at every call: no seam is needed.
CPU_HEADERS = {"sys/auxv.h"}

# Uses of the system that need no header of their own.
SYSTEM_USES = [
    (re.compile(r"\b(system|steady|high_resolution|utc|tai|gps|file)_clock\b"), "a clock"),
    (re.compile(r"\brandom_device\b"), "random"),
    (re.compile(r"\bsleep_(for|until)\b"), "a clock"),
    (re.compile(r"\b(clock_gettime|gettimeofday|nanosleep|usleep|localtime|gmtime|getentropy"
                r"|getrandom|getenv|secure_getenv)\s*\("), "a call of the system"),
    (re.compile(r"\b(fopen|freopen|tmpfile|printf|fprintf|puts|fputs)\s*\("),
     "a file or the terminal"),
]
# To force a SIMD kernel is the one thing that an environment variable may do in a module.
GETENV_FILES = re.compile(r"^(base|vector)/(.*/)?(\w*kernel\w*|cpu\w*|crc32c)\.cc$")
# Tests may wait for another thread, or look at a file.
USES_IN_TESTS = re.compile(r"^(sleep_for|getenv|secure_getenv|fopen|printf|fprintf|puts|fputs)$")


def strip_comments(text):
    """Blanks comments and the text of string literals, and keeps line numbers. Includes keep
    their names: quotes on a line that starts with # are left alone."""
    pattern = re.compile(
        r'(?P<directive>^[ \t]*#[ \t]*include[^\n]*)'
        r'|(?P<comment>//[^\n]*|/\*.*?\*/)'
        r'|(?P<raw>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)")'
        r'|(?P<string>"(?:\\.|[^"\\\n])*")',
        re.DOTALL | re.MULTILINE)

    def blank(match):
        if match.lastgroup == "directive" or match.group("directive"):
            return re.sub(r"//.*", "", match.group())
        return re.sub(r"[^\n]", " ", match.group())

    return pattern.sub(blank, text)


class Checker:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.problems = []
        self.modules = self.read_table()

    def problem(self, where, rule, text):
        self.problems.append(f"{where}: [{rule}] {text}")

    def read_table(self):
        path = self.root / "tools" / "layers.txt"
        modules = {}
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if not line.strip():
                continue
            name, colon, rest = line.partition(":")
            if not colon or not re.fullmatch(r"[a-z_]+", name):
                self.problem(f"tools/layers.txt:{number}", "table",
                             "expected `module: module...`")
                continue
            modules[name] = rest.split()
        # A line may name only lines above it: that keeps the table acyclic and readable.
        seen = []
        for name, allowed in modules.items():
            for other in allowed:
                if other not in modules:
                    self.problem("tools/layers.txt", "table",
                                 f"{name} allows {other}, which has no line")
                elif other not in seen:
                    self.problem("tools/layers.txt", "cycle",
                                 f"{name} allows {other}, which is not above it; order the lines "
                                 "from the bottom layer up, and break any cycle by passing values"
                                 " upwards instead of including downwards")
            seen.append(name)
        return modules

    def check(self):
        for folder in [*self.modules, *LEAVES, "include"]:
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in (".h", ".cc") and path.is_file():
                    self.check_file(path.relative_to(self.root).as_posix(), path)
        for path in sorted(self.root.rglob("*_test.cc")):
            name = path.relative_to(self.root)
            top = name.parts[0]
            if top == "build" or top.startswith("."):
                continue
            if top not in self.modules and top not in ("tests", "tools", "bench"):
                self.problem(f"{name.as_posix()}:1", "test",
                             "this test is built by nobody; move it into the module that it "
                             "tests, or into tests/")

    def check_built(self, build):
        """Compares the tests that exist with those that a build directory compiles."""
        commands = json.loads((pathlib.Path(build) / "compile_commands.json").read_text())
        built = {str(pathlib.Path(entry["directory"], entry["file"]).resolve())
                 for entry in commands}
        for folder in [*self.modules, "tests"]:
            for path in sorted((self.root / folder).rglob("*_test.cc")):
                if str(path.resolve()) not in built:
                    self.problem(f"{path.relative_to(self.root).as_posix()}:1", "test",
                                 f"this test is not built in {build}; configure again, or look "
                                 "why cmake/developer.cmake leaves it out")

    def check_file(self, name, path):
        text = strip_comments(path.read_text())
        top = name.split("/")[0]
        is_test = (top in LEAVES or name.endswith("_test.cc") or "/testing/" in name
                   or name.startswith("io/sim/"))
        for match in INCLUDE.finditer(text):
            where = f"{name}:{text.count(chr(10), 0, match.start(1)) + 1}"
            quoted, target = match.group(1) == '"', match.group(2)
            if target.startswith("caisson/"):
                self.check_public_include(where, top, target, quoted)
            elif quoted or ("/" in target and target.split("/")[0] in [*self.modules, *LEAVES]):
                self.check_own_include(where, top, target, is_test)
            elif top in self.modules and top != "io" and SYSTEM_HEADERS.search(target):
                allowed = CPU_HEADERS | (SYSTEM_HEADERS_IN_TESTS if is_test else set())
                if target not in allowed:
                    self.problem(where, "system",
                                 f"<{target}> reaches the operating system, which only io/ may; "
                                 "go through io's file, clock or random source")
            elif top == "include" and SYSTEM_HEADERS.search(target):
                self.problem(where, "system",
                             f"<{target}> does not belong in the public interface")
        if top in self.modules and top != "io":
            self.check_uses(name, text, is_test)

    def check_uses(self, name, text, is_test):
        for pattern, what in SYSTEM_USES:
            for match in pattern.finditer(text):
                used = match.group().rstrip("( \t\n")
                if is_test and USES_IN_TESTS.search(used):
                    continue
                if used == "getenv" and GETENV_FILES.search(name):
                    continue
                where = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
                self.problem(where, "system",
                             f"{used} uses {what}, and only io/ may; take a time, a seed, a file "
                             "or a setting as a parameter instead")

    def check_public_include(self, where, top, target, quoted):
        header = target.removeprefix("caisson/")
        if quoted:
            self.problem(where, "public", f'write <{target}>, not "{target}"')
        if not (self.root / "include" / target).is_file():
            self.problem(where, "public", f"there is no include/{target}")
        if top in self.modules and top != "db" and header not in PUBLIC_FOR_MODULES:
            self.problem(where, "public",
                         f"{top} may include only <caisson/types.h> and <caisson/error.h>; "
                         f"<{target}> is implemented by db, above it")

    def check_own_include(self, where, top, target, is_test):
        folder = target.split("/")[0]
        if "/" not in target or folder not in [*self.modules, *LEAVES]:
            self.problem(where, "layer",
                         f'"{target}" names no module; write the path from the top of the tree, '
                         "and angle brackets for other people's headers")
        elif not (self.root / target).is_file():
            self.problem(where, "layer", f"there is no {target}")
        elif top == "include":
            self.problem(where, "public",
                         f'a public header includes "{target}", which is not installed; move '
                         "what it needs into include/caisson")
        elif folder in LEAVES:
            if folder != top and (top, folder) not in TOOLS_USERS:
                self.problem(where, "leaf",
                             f"{folder} is a leaf that nothing includes; move what is shared "
                             "into a module or its testing/ folder")
        elif not is_test and ("/testing/" in target or target.startswith("io/sim/")):
            self.problem(where, "shipped",
                         f'"{target}" is support for tests and not in the library; only tests, '
                         "testing/ folders and leaves may include it")
        elif top in self.modules and folder != top and folder not in self.modules[top]:
            allowed = " ".join(self.modules[top]) or "nothing"
            self.problem(where, "layer",
                         f"{top} may not include {folder} (it may: {allowed}); hand the value "
                         f"down from above, or argue for a new arrow in tools/layers.txt")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--build", help="a build directory: also check that it builds every test")
    arguments = parser.parse_args()
    checker = Checker(arguments.root)
    checker.check()
    if arguments.build:
        checker.check_built(arguments.build)
    for problem in checker.problems:
        print(problem)
    return 1 if checker.problems else 0


if __name__ == "__main__":
    sys.exit(main())
