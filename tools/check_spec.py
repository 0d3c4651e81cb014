#!/usr/bin/python3
"""Checks that the rules of spec/ and the code that cites them agree.

A rule is defined in spec/ where its name stands in bold, like **META-3**. Comments, error messages
and tests cite it by its plain name. This checks that

  twice      no rule is defined twice;
  unknown    every rule that code, tests or the spec itself cite is defined;
  untested   every rule is cited by at least one test (*_test.cc).

What counts as a rule's name is learned from the definitions: with META-3 defined, META-33 in the
code is a citation, and UTF-8 is not. Whatever is given to with_rule("...") is a citation too.

Usage: check_spec.py [--root DIR] [--table]
--table prints each rule with the tests that cite it.
Exits with 0 when all is well, 1 when a rule is broken, 2 on wrong usage.
"""

import argparse
import pathlib
import re
import sys

FOLDERS = ["include", "base", "io", "log", "pager", "btree", "mvcc", "cartridges", "vector", "db",
           "tests", "tools", "fuzz", "bench"]
# The checker's own test cites rules that are made up.
SKIPPED = {"tools/check_spec.py", "tools/check_spec_test.py"}

NAME = re.compile(r"\b([A-Z]{3,8})-(\d+)\b")
DEFINITION = re.compile(r"\*\*([A-Z]{3,8}-\d+)\b[^*\n]*\*\*")
WITH_RULE = re.compile(r'with_rule\(\s*"([^"]*)"')


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Checker:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.problems = []
        self.defined = {}  # rule -> where
        self.tests = {}    # rule -> {test file}

    def problem(self, where, rule, text):
        self.problems.append(f"{where}: [{rule}] {text}")

    def name_of(self, path):
        return path.relative_to(self.root).as_posix()

    def check(self):
        pages = sorted((self.root / "spec").rglob("*.md"))
        for path in pages:
            self.read_definitions(path)
        self.tests = {rule: set() for rule in self.defined}
        prefixes = {rule.split("-")[0] for rule in self.defined}
        for path in pages:
            self.read_citations(path, prefixes)
        for folder in FOLDERS:
            for path in sorted((self.root / folder).rglob("*")):
                if path.suffix in (".h", ".cc", ".py") and self.name_of(path) not in SKIPPED:
                    self.read_citations(path, prefixes)
        for rule, tests in self.tests.items():
            if not tests:
                self.problem(self.defined[rule], "untested",
                             f"no test cites {rule}; write one that breaks the rule and expects "
                             "its name, or drop the rule")

    def read_definitions(self, path):
        text = path.read_text()
        for match in DEFINITION.finditer(text):
            rule = match.group(1)
            where = f"{self.name_of(path)}:{line_of(text, match.start(1))}"
            if rule in self.defined:
                self.problem(where, "twice",
                             f"{rule} is defined already at {self.defined[rule]}; a name keeps "
                             "its meaning for ever, so take the next free number")
            else:
                self.defined[rule] = where

    def read_citations(self, path, prefixes):
        text = path.read_text()
        name = self.name_of(path)
        cited = {}  # rule -> offset of its first citation here
        for match in NAME.finditer(text):
            if match.group(1) in prefixes:
                cited.setdefault(match.group(), match.start())
        if path.suffix != ".md" and not name.endswith("_test.cc"):
            for match in WITH_RULE.finditer(text):
                cited.setdefault(match.group(1), match.start(1))
        for rule, offset in cited.items():
            if rule not in self.defined:
                self.problem(f"{name}:{line_of(text, offset)}", "unknown",
                             f'no page of spec/ defines "{rule}"; correct the name, or write the '
                             "rule down")
            elif name.endswith("_test.cc"):
                self.tests[rule].add(name)

    def print_table(self):
        def by_name(rule):
            prefix, number = rule.split("-")
            return prefix, int(number)

        for rule in sorted(self.defined, key=by_name):
            tests = " ".join(sorted(self.tests[rule])) or "-"
            print(f"{rule:12} {self.defined[rule]:28} {tests}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--table", action="store_true", help="print rule, definition and tests")
    arguments = parser.parse_args()
    checker = Checker(arguments.root)
    checker.check()
    if arguments.table:
        checker.print_table()
    for problem in checker.problems:
        print(problem)
    return 1 if checker.problems else 0


if __name__ == "__main__":
    sys.exit(main())
