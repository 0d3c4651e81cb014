#!/usr/bin/python3
"""Method: start from a small tree in which spec and code agree, make them disagree in one way at
a time, and expect the checker to name the place and the rule."""

import pathlib
import tempfile
import unittest

from check_spec import Checker

GOOD = {
    "spec/pages.md": "# Pages\n\n- **PAGE-1** One.\n- **PAGE-2** Two; see PAGE-1.\n",
    "spec/meta.md": "**META-1** Text.\n\n| **META-2** | text |\n\n1. Open it. **META-3 (why)** text\n",
    "pager/page.cc": "// PAGE-1, in UTF-8.\n",
    "pager/page_test.cc": '// PAGE-1\nEXPECT_EQ(error.rule(), "PAGE-2");\n',
    "pager/meta_test.cc": "// META-1, META-2 and META-3\n",
}


class CheckSpec(unittest.TestCase):
    def check(self, changes=None):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in {**GOOD, **(changes or {})}.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            checker = Checker(root)
            checker.check()
            return checker

    def expect(self, rule, where, name, text):
        problems = self.check({name: text}).problems
        self.assertEqual(len(problems), 1, problems)
        self.assertTrue(problems[0].startswith(f"{where}: [{rule}] "), problems[0])

    def test_accepts_spec_and_code_that_agree(self):
        self.assertEqual(self.check().problems, [])

    def test_finds_definitions_in_paragraphs_lists_tables_and_sentences(self):
        self.assertEqual(sorted(self.check().defined),
                         ["META-1", "META-2", "META-3", "PAGE-1", "PAGE-2"])

    def test_knows_which_test_cites_which_rule(self):
        self.assertEqual(self.check().tests["PAGE-2"], {"pager/page_test.cc"})

    def test_rejects_a_rule_defined_twice(self):
        self.expect("twice", "spec/z.md:2", "spec/z.md", "\n- **PAGE-1** Again.\n")

    def test_rejects_code_that_cites_an_unknown_rule(self):
        self.expect("unknown", "pager/x.cc:2", "pager/x.cc", "\n// PAGE-12\n")

    def test_rejects_a_test_that_cites_an_unknown_rule(self):
        self.expect("unknown", "tests/x_test.cc:1", "tests/x_test.cc", "// META-9\n")

    def test_rejects_a_spec_that_cites_an_unknown_rule(self):
        self.expect("unknown", "spec/z.md:1", "spec/z.md", "As META-9 says.\n")

    def test_rejects_a_misspelt_rule_in_an_error(self):
        self.expect("unknown", "pager/x.cc:1", "pager/x.cc", 'e.with_rule("PGAE-1");\n')

    def test_rejects_a_rule_that_no_test_cites(self):
        self.expect("untested", "spec/z.md:1", "spec/z.md", "**META-4** Text.\n")

    def test_code_that_is_no_test_does_not_count_as_one(self):
        problems = self.check({"spec/z.md": "**META-4** Text.\n",
                               "pager/x.cc": "// META-4\n",
                               "fuzz/x_fuzz.cc": "// META-4\n"}).problems
        self.assertEqual(len(problems), 1, problems)
        self.assertIn("[untested]", problems[0])


if __name__ == "__main__":
    unittest.main()
