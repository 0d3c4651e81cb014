#!/usr/bin/python3
"""Adds up what ctest wrote, and prints `N passed, N failed` as the last line.

Usage: totals.py FOLDER [FAILED-STAGE...]

FOLDER holds one JUnit file a build, named after it. A failed stage whose build shows no failed
test counts as one failure: it broke before or outside ctest.
Exits with 0 if something passed and nothing failed, otherwise with 1.
"""

import pathlib
import sys
import xml.etree.ElementTree

# The stages of .ci/run that are named otherwise than the build that they run.
BUILD_OF_STAGE = {"test": "dev"}


def main():
    passed = failed = 0
    failed_by_build = {}
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.xml")):
        cases = list(xml.etree.ElementTree.parse(path).getroot().iter("testcase"))
        bad = [case for case in cases if case.get("status") == "fail" or
               case.find("failure") is not None or case.find("error") is not None]
        skipped = [case for case in cases if case not in bad and
                   (case.find("skipped") is not None or case.get("status") != "run")]
        good = len(cases) - len(bad) - len(skipped)
        print(f"{path.stem}: {good} passed, {len(bad)} failed, {len(skipped)} skipped")
        for case in bad:
            print(f"  failed: {case.get('name')}")
        passed += good
        failed += len(bad)
        failed_by_build[path.stem] = len(bad)
    for stage in sys.argv[2:]:
        if not failed_by_build.get(BUILD_OF_STAGE.get(stage, stage)):
            print(f"{stage}: failed outside ctest")
            failed += 1
    if passed + failed == 0:
        print("nothing was tested")
        failed = 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
