#!/usr/bin/python3
"""Runs every command of README.md and docs/guide.md, and compares what it prints with what they show.

Blocks of "```console" are sessions: each line that begins with "$ " is run by bash, in an empty folder
of the page's own, one after the other, and what follows it is what it prints, on standard output and
standard error. A line "..." stands for any lines. How long something took, and dates, may differ.
Blocks of "```cpp" have to be pieces of programs in examples/, which are built and run.

Usage: check_guide.py CAISSON [PAGE]...     CAISSON: the program
       check_guide.py CAISSON --update      writes what was printed into the pages instead
Exits with 0 when all is well, 1 when something differs.
"""

import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ["README.md", "docs/guide.md"]
SESSION = re.compile(r"```console\n(.*?)```", re.DOTALL)
PROGRAM = re.compile(r"```cpp\n(.*?)```", re.DOTALL)
# What differs from one run to the next.
VARYING = [(re.compile(r"\b[\d.,]+ (ns|us|ms|s|min)\b"), "TIME"),
           (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d\d:?\d\d|Z)?"), "DATE"),
           (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID")]


def steps_of(session):
    """The commands of a session, each with what it is said to print."""
    steps = []
    for line in session.splitlines(keepends=True):
        if line.startswith("$ "):
            steps.append([line[2:].rstrip("\n"), ""])
        elif steps:
            steps[-1][1] += line
    return steps


def normal(text):
    for pattern, name in VARYING:
        text = pattern.sub(name, text)
    return text


def matches(shown, printed):
    """Whether they are the same, but for what varies, and lines that "..." stands for."""
    parts = [re.escape(normal(part)) for part in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)]
    return re.fullmatch("(?:.*\n)*".join(parts), normal(printed)) is not None


def run(command, folder, program):
    environment = dict(os.environ, PATH=f"{program.parent}:{os.environ['PATH']}", NO_COLOR="1",
                       LC_ALL="C", TZ="UTC")
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode(errors="replace")


def check_sessions(page, text, program, update):
    """Returns the text as it should be, and what was wrong with it."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        def checked(block):
            session = ""
            for command, shown in steps_of(block[1]):
                printed = run(command, folder, program)
                same = matches(shown, printed)
                if not same:
                    difference = "".join(difflib.unified_diff(
                        shown.splitlines(keepends=True), printed.splitlines(keepends=True),
                        "shown", "printed"))
                    problems.append(f"{page}: $ {command}\n{difference}")
                session += f"$ {command}\n" + (printed if update and not same else shown)
            return f"```console\n{session}```"
        text = SESSION.sub(checked, text)
    return text, problems


def unindented(text):
    return [line.strip() for line in text.splitlines() if line.strip()]


def check_programs(page, text):
    examples = [unindented(path.read_text()) for path in sorted((ROOT / "examples").glob("*.cc"))]
    problems = []
    for program in PROGRAM.findall(text):
        wanted = unindented(re.sub(r"^#include.*\n", "", program, flags=re.MULTILINE))
        if not any(wanted == lines[at:at + len(wanted)] for lines in examples
                   for at in range(len(lines) - len(wanted) + 1)):
            problems.append(f"{page}: not a piece of any program in examples/:\n{program}")
    return problems


def main():
    arguments = sys.argv[1:]
    update = "--update" in arguments
    arguments = [argument for argument in arguments if argument != "--update"]
    if not arguments or "--help" in arguments:
        print(__doc__)
        return 0 if arguments else 1
    program = pathlib.Path(arguments[0]).resolve()
    problems = []
    sessions = 0
    for page in arguments[1:] or PAGES:
        path = ROOT / page
        text = path.read_text()
        sessions += len(SESSION.findall(text))
        after, wrong = check_sessions(page, text, program, update)
        if update:
            path.write_text(after)
        else:
            problems += wrong
        problems += check_programs(page, text)
    print("\n".join(problems) or f"{sessions} sessions print what the pages show")
    return 1 if problems or sessions == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
