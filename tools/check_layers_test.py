#!/usr/bin/python3
"""Method: start from a small tree that keeps every rule, break one rule at a time, and expect the
checker to name the place and the rule. A checker that accepts everything fails here."""

import json
import pathlib
import tempfile
import unittest

from check_layers import Checker

GOOD = {
    "tools/layers.txt": "base:\nio:    base\npager: base io\ndb:    base io pager\n",
    "include/caisson/types.h": "#include <cstdint>\n",
    "include/caisson/error.h": "#include <caisson/types.h>\n",
    "include/caisson/store.h": "#include <caisson/error.h>\n",
    "base/codec.h": "#include <caisson/types.h>\n",
    "base/codec.cc": '#include "base/codec.h"\n// Once a steady_clock stood here.\n',
    "base/codec_test.cc": '#include "base/codec.h"\n#include <fstream>\n#include <gtest/gtest.h>\n',
    "io/file.h": '#include "base/codec.h"\n',
    "io/posix.cc": '#include "io/file.h"\n#include <fcntl.h>\n',
    "io/sim/sim.h": '#include "io/file.h"\n',
    "pager/page.h": '#include "io/file.h"\n',
    "pager/testing/pages.h": '#include "io/sim/sim.h"\n#include "pager/page.h"\n',
    "pager/page_test.cc": '#include "pager/testing/pages.h"\n',
    "db/store.cc": '#include <caisson/store.h>\n#include "pager/page.h"\n',
    "tests/store_test.cc": '#include <caisson/store.h>\n#include "io/sim/sim.h"\n',
    "bench/bench.cc": "#include <chrono>\nauto t = std::chrono::steady_clock::now();\n",
}


class CheckLayers(unittest.TestCase):
    def problems(self, changes=None, built=None):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**GOOD, **(changes or {})}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            checker = Checker(root)
            checker.check()
            if built is not None:
                commands = [{"directory": str(root), "file": name} for name in built]
                (root / "compile_commands.json").write_text(json.dumps(commands))
                checker.check_built(root)
            return checker.problems

    def expect(self, rule, where, name, text):
        problems = self.problems({name: text})
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(f"{where}: [{rule}] "), problems[0])

    def test_accepts_a_tree_that_keeps_every_rule(self):
        self.assertEqual(self.problems(), [])

    def test_rejects_an_include_of_a_higher_module(self):
        self.expect("layer", "base/x.cc:3", "base/x.cc", '\n\n#include "io/file.h"\n')

    def test_rejects_an_include_of_a_higher_module_in_a_test_too(self):
        self.expect("layer", "io/x_test.cc:1", "io/x_test.cc", '#include "pager/page.h"\n')

    def test_rejects_an_include_in_angle_brackets_of_a_higher_module(self):
        self.expect("layer", "base/x.cc:1", "base/x.cc", "#include <io/file.h>\n")

    def test_rejects_an_include_with_odd_spacing(self):
        self.expect("layer", "base/x.cc:1", "base/x.cc", '  #  include   "io/file.h"\n')

    def test_rejects_an_include_relative_to_its_own_folder(self):
        self.expect("layer", "io/x.cc:1", "io/x.cc", '#include "file.h"\n')

    def test_rejects_an_include_of_nothing(self):
        self.expect("layer", "io/x.cc:1", "io/x.cc", '#include "io/gone.h"\n')

    def test_rejects_a_module_that_includes_the_store_interface(self):
        self.expect("public", "pager/x.cc:1", "pager/x.cc", "#include <caisson/store.h>\n")

    def test_rejects_a_public_header_that_includes_internal_code(self):
        self.expect("public", "include/caisson/x.h:1", "include/caisson/x.h",
                    '#include "base/codec.h"\n')

    def test_rejects_a_public_header_in_quotes(self):
        self.expect("public", "db/x.cc:1", "db/x.cc", '#include "caisson/store.h"\n')

    def test_rejects_a_module_that_includes_a_leaf(self):
        problems = self.problems({"tests/helper.h": "", "db/x_test.cc": '#include "tests/helper.h"\n'})
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("db/x_test.cc:1: [leaf]", problems[0])

    def test_rejects_a_leaf_that_includes_another_leaf(self):
        problems = self.problems({"tests/helper.h": "", "fuzz/x.cc": '#include "tests/helper.h"\n'})
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("fuzz/x.cc:1: [leaf]", problems[0])

    def test_lets_fuzz_targets_include_tools(self):
        self.assertEqual(self.problems({"tools/rows.h": "",
                                        "fuzz/x.cc": '#include "tools/rows.h"\n'}), [])
        problems = self.problems({"fuzz/x.h": "", "tools/x.cc": '#include "fuzz/x.h"\n'})
        self.assertEqual(len(problems), 1, problems)

    def test_rejects_test_support_in_shipped_code(self):
        self.expect("shipped", "pager/x.cc:1", "pager/x.cc", '#include "pager/testing/pages.h"\n')

    def test_rejects_the_simulated_disk_in_shipped_code(self):
        self.expect("shipped", "io/x.cc:1", "io/x.cc", '#include "io/sim/sim.h"\n')

    def test_rejects_system_headers_outside_io(self):
        for header in ["unistd.h", "fcntl.h", "sys/mman.h", "linux/fs.h", "pthread.h", "dirent.h",
                       "filesystem", "fstream", "ctime", "time.h"]:
            with self.subTest(header):
                self.expect("system", "pager/x.cc:1", "pager/x.cc", f"#include <{header}>\n")

    def test_rejects_clocks_and_randomness_outside_io(self):
        for use in ["std::chrono::steady_clock::now()", "std::chrono::system_clock::now()",
                    "std::random_device{}()", "std::this_thread::sleep_for(t)", "getrandom(p, 1, 0)",
                    'std::getenv("X")', 'std::fopen("x", "r")', "clock_gettime (0, t)"]:
            with self.subTest(use):
                self.expect("system", "pager/x.cc:2", "pager/x.cc", f"\nauto x = {use};\n")

    def test_rejects_system_calls_in_tests_of_other_modules(self):
        self.expect("system", "pager/x_test.cc:1", "pager/x_test.cc", "#include <unistd.h>\n")

    def test_lets_tests_wait_but_not_read_a_clock(self):
        self.assertEqual(self.problems({"base/x_test.cc": "std::this_thread::sleep_for(t);\n"}), [])
        self.expect("system", "base/x_test.cc:1", "base/x_test.cc", "steady_clock::now();\n")

    def test_allows_what_only_looks_like_a_broken_rule(self):
        text = ('// #include "io/file.h"\n/* #include <unistd.h>\n#include "db/store.h" */\n'
                'const char* kText = "steady_clock";\nconst char* kRaw = R"(#include "io/file.h"\n'
                '#include "io/file.h"\n)";\nint my_getenv_count(int);\n')
        self.assertEqual(self.problems({"base/x.cc": text}), [])

    def test_rejects_a_cycle_in_the_table(self):
        problems = self.problems(
            {"tools/layers.txt": "base:\nio:    base pager\npager: base io\ndb:    base io pager\n"})
        self.assertTrue(any("[cycle] io allows pager" in p for p in problems), problems)

    def test_rejects_a_table_that_names_an_unknown_module(self):
        problems = self.problems(
            {"tools/layers.txt": "base:\nio: base\npager: base io\ndb: base io pager gone\n"})
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("[table] db allows gone", problems[0])

    def test_rejects_a_test_where_nobody_builds_it(self):
        self.expect("test", "fuzz/x_test.cc:1", "fuzz/x_test.cc", "")

    def test_rejects_a_test_that_a_build_leaves_out(self):
        tests = [name for name in GOOD if name.endswith("_test.cc")]
        self.assertEqual(self.problems(built=tests), [])
        problems = self.problems(built=tests[1:])
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(f"{tests[0]}:1: [test] "), problems[0])


if __name__ == "__main__":
    unittest.main()
