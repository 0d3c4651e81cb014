#!/usr/bin/python3
"""Method: make results whose ratios are known, and expect just these to be read out of them; then
break a valid file at every one of its fields, and expect the file and the field to be named.

What is drawn is tested in plot_test.py; this needs Python's standard library only.
"""

import copy
import json
import pathlib
import tempfile
import unittest

from report import comparison, markdown, results, schema, units
from report.comparison import Outcome
from report.testing import sample_results as sample

LABELS = {engine: engine.upper() for engine in [results.OURS] + results.PEERS}
# What holds fields whose names a benchmark chooses, so that none of them is required.
FREE = [("benchmark", "parameters"), ("result", "counters")]


def paths_of(value, path=()):
    """Of every field of a document, the names that lead there."""
    for name in value if isinstance(value, dict) else []:
        yield path + (name,)
        yield from paths_of(value[name], path + (name,))


def parent_of(document, path):
    for name in path[:-1]:
        document = document[name]
    return document


def changed(path, value, **fields):
    """A valid result but for one field."""
    document = copy.deepcopy(sample.result("a/b", 100.0, **fields))
    parent_of(document, path)[path[-1]] = value
    return document


class TestOfResults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def read(self, *lists):
        sample.write(self.folder, [document for some in lists for document in some])
        return results.read([self.folder])

    def refused(self, where, content):
        """Expects a file with this content to be refused, because of `where`."""
        path = self.folder / "zzz.json"  # Read last.
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        path.write_bytes(content)
        with self.assertRaises(results.BadResults) as caught:
            results.read([self.folder])
        message = str(caught.exception)
        self.assertTrue(message.startswith(f"{path}: {where}"), message)
        return message


class Reading(TestOfResults):
    def test_reads_what_a_benchmark_writes(self):
        read = self.read(sample.results("a/b", [100.0, 200.0], headline="wall"))
        self.assertEqual([repeat.headline_ns for repeat in
                          read.benchmarks["a/b"].repeats.values()], [100.0, 200.0])
        self.assertEqual((read.machine, read.build, read.profile),
                         (sample.MACHINE, sample.BUILD, "dev_nvme"))

    def test_takes_the_time_that_the_benchmark_says_stands_for_it(self):
        for kind, expected in [("median", 700.0), ("wall", 50.0), ("processor", 30.0)]:
            document = sample.result("a/b", 1.0, headline=kind)
            document["result"]["latency_ns"]["p50"] = 700.0
            document["result"].update(operations=1000, wall_seconds=50e-6, processor_seconds=30e-6)
            with self.subTest(kind):
                read = self.read([document])
                self.assertAlmostEqual(read.benchmarks["a/b"].repeats[sample.RUN_ID, 1].headline_ns,
                                       expected)

    def test_knows_every_keyword_of_the_schema(self):
        def keywords(part):
            for name, value in part.items():
                yield name
                if name == "properties":
                    for inner in value.values():
                        yield from keywords(inner)
                elif isinstance(value, dict):
                    yield from keywords(value)
        self.assertLessEqual(set(keywords(results.SCHEMA)), schema.CHECKS.keys() | schema.REMARKS)

    def test_names_the_field_that_is_missing(self):
        paths = [path for path in paths_of(sample.result("a/b", 100.0)) if path[:2] not in FREE
                 or path in FREE]
        self.assertGreater(len(paths), 60)
        for path in paths:
            with self.subTest(path):
                document = copy.deepcopy(sample.result("a/b", 100.0))
                del parent_of(document, path)[path[-1]]
                self.refused(".".join(path) + " is missing", document)

    def test_names_the_field_that_is_of_another_type(self):
        document = sample.result("a/b", 100.0)
        for path in paths_of(document):
            old = parent_of(document, path)[path[-1]]
            for new in (True, "x", [[None]], None):
                if type(new) is type(old) or path[-1] == "system_calls" and new is None:
                    continue
                with self.subTest(path, new=new):
                    self.refused(".".join(path), changed(path, new))

    def test_names_a_field_that_no_result_has(self):
        for path in [("more",), ("benchmark", "more"), ("result", "latency_ns", "more"),
                     ("machine", "more")]:
            self.refused(".".join(path) + " is no field", changed(path, 1))

    def test_names_a_value_that_is_not_allowed(self):
        for path, value in [
                (("benchmark", "name"), "one_word"), (("benchmark", "name"), "a/b\n"),
                (("benchmark", "suite"), "nano"), (("benchmark", "headline"), "mean"),
                (("benchmark", "about"), ""), (("run", "id"), "1234"), (("run", "repeat"), 0),
                (("run", "repeat"), 1.5), (("run", "started"), "yesterday"),
                (("result", "operations"), 0), (("result", "wall_seconds"), 0),
                (("result", "latency_ns", "p50"), -1), (("build", "commit"), "123"),
                (("result", "peak_rss_bytes"), 0), (("machine", "cores"), 0)]:
            with self.subTest(path, value=value):
                self.refused(".".join(path), changed(path, value))
        for value in ([[1]], [[1, 2, 3]], [[1, -2]], [1]):
            with self.subTest(value):
                self.refused("result.latency_ns.buckets[0]",
                             changed(("result", "latency_ns", "buckets"), value))

    def test_names_a_number_that_is_none(self):
        text = json.dumps(sample.result("a/b", 100.0))
        for number in ("NaN", "Infinity", "1e999", "1" + "0" * 400):
            with self.subTest(number):
                self.refused("result.peak_rss_bytes", text.replace(
                    f'"peak_rss_bytes": {64 << 20}', f'"peak_rss_bytes": {number}').encode())
                self.refused("result.latency_ns.p50", text.replace(
                    '"p50": 100.0', f'"p50": {number}').encode())

    def test_names_a_histogram_that_contradicts_itself(self):
        field = "result.latency_ns.buckets"
        path = field.split(".")
        self.refused(f"{field} hold 199 samples;", changed(path, [[5, 100], [6, 99]]))
        self.refused(f"{field} don't go", changed(path, [[6, 100], [5, 100]]))
        self.refused(f"{field} don't go", changed(path, [[5, 100], [5, 100]]))

    def test_says_when_a_file_is_something_else(self):
        self.refused("format is missing:", {"context": {}, "benchmarks": []})
        self.refused("format is missing:", [])
        self.refused("format is", {"format": "other", "version": 1})
        self.refused("version is 2,", {"format": "caisson-bench-result", "version": 2, "new": 1})
        valid = json.dumps(sample.result("a/b", 100.0)).encode()
        for content in (b"", b"\xff\xfe", b"{", b"[" * 100_000, valid + b"}"):
            with self.subTest(content[:20]):
                self.refused("is no JSON:", content)
        for end in range(0, len(valid), 97):
            self.refused("is no JSON:", valid[:end])

    def test_says_when_a_folder_has_no_results(self):
        with self.assertRaisesRegex(results.BadResults, "holds no results"):
            results.read([self.folder])
        with self.assertRaisesRegex(results.BadResults, "no such folder"):
            results.read([self.folder / "none"])


class Mixing(TestOfResults):
    def test_refuses_results_of_another_machine_build_or_profile(self):
        self.read(sample.results("a/a", [100.0]))
        for path, value in [(("machine", "cpu"), "Other"), (("machine", "disk"), "Other"),
                            (("machine", "memory_bytes"), 1), (("build", "commit"), "f" * 40),
                            (("build", "dirty"), True), (("build", "flags"), "-O0"),
                            (("run", "profile"), "ci")]:
            with self.subTest(path):
                message = self.refused(".".join(path) + " is", changed(path, value))
                self.assertIn("a-a_r001.json", message)

    def test_takes_several_folders_of_one_machine_and_build(self):
        for name in "ab":
            sample.write(self.folder / name, sample.results(f"{name}/x", [100.0]))
        self.assertEqual(list(results.read([self.folder / name for name in "ba"]).benchmarks),
                         ["a/x", "b/x"])

    def test_refuses_the_same_repeat_twice(self):
        self.read(sample.results("a/b", [100.0]))
        self.refused("run.repeat is 1 again,", sample.result("a/b", 120.0))

    def test_refuses_a_benchmark_that_changed_between_repeats(self):
        self.read(sample.results("a/b", [100.0]))
        self.refused("benchmark.operation differs",
                     changed(("benchmark", "operation"), "a put", repeat=2))

    def test_refuses_engines_that_cannot_be_compared(self):
        self.read(sample.of_engine("caisson", "get", [100.0]))

        def peer(headline="median", name="x/get", **parameters):
            return sample.result(name, 100.0, suite="peers", headline=headline,
                                 parameters=parameters)
        self.refused("benchmark.headline is 'wall',",
                     peer("wall", engine="lmdb", scenario="get"))
        self.refused("benchmark.parameters.scenario is 'get',",
                     peer(engine="caisson", scenario="get"))
        self.refused("benchmark.parameters.engine is 'paper',",
                     peer(engine="paper", scenario="get"))
        self.refused("benchmark.parameters.scenario is missing", peer(engine="lmdb"))
        self.refused("benchmark.parameters.scenario is '$x^$',",
                     peer(engine="lmdb", scenario="$x^$"))
        self.refused("benchmark.parameters.threads is missing",
                     peer(engine="lmdb", scenario="get/4", series="get"))
        self.refused("benchmark.parameters.threads is 0,",
                     peer(engine="lmdb", scenario="get/4", series="get", threads=0))

    def test_sorts_numbers_in_names_as_numbers(self):
        read = self.read(*[sample.results(f"a/{name}", [100.0]) for name in ("16", "2", "b", "1")])
        self.assertEqual(list(read.benchmarks), ["a/1", "a/2", "a/16", "a/b"])


class Comparing(TestOfResults):
    def scenario(self, ours, peers, **fields):
        read = self.read(sample.of_engine("caisson", "x", ours, **fields),
                         *[sample.of_engine(engine, "x", times) for engine, times in peers.items()])
        return comparison.scenarios(read)[0]

    def test_divides_the_repeats_pair_by_pair(self):
        found = self.scenario([100.0, 200.0, 400.0], {"lmdb": [300.0, 400.0, 400.0]})
        ratio = found.ratios["lmdb"]
        self.assertEqual((ratio.lowest, ratio.median, ratio.highest), (1.0, 2.0, 3.0))

    def test_divides_only_repeats_that_belong_together(self):
        found = self.scenario([100.0, 200.0, 400.0], {"lmdb": [300.0, 400.0]})
        ratio = found.ratios["lmdb"]
        self.assertEqual((ratio.lowest, ratio.median, ratio.highest), (2.0, 2.5, 3.0))

    def test_divides_nothing_of_different_runs(self):
        other = sample.of_engine("lmdb", "x", [100.0])
        other[0]["run"]["id"] = "f" * 16
        read = self.read(sample.of_engine("caisson", "x", [100.0]), other)
        self.assertEqual(comparison.scenarios(read), [])
        self.assertIn("Compared with nothing", " ".join(comparison.remarks(read)))
        self.assertIn("lmdb/x", " ".join(comparison.remarks(read)))

    def test_divides_nothing_by_a_time_too_short_to_be_measured(self):
        for times in ([0.0, 0.0], [0.0, 50.0]):
            zero = sample.of_engine("lmdb", "x", [50.0, 50.0])
            for document, time in zip(zero, times):
                document["result"]["latency_ns"]["p50"] = time
            read = self.read_alone(sample.of_engine("caisson", "x", [100.0, 100.0]) + zero)
            found = comparison.scenarios(read)
            self.assertEqual([scenario.worst.lowest for scenario in found], [0.5] * any(times))
            self.assertIn("with a time of 0: lmdb/x.", " ".join(comparison.remarks(read)))
        self.assertIsNone(comparison.variation([0.0, 0.0]))

    def test_calls_level_what_lies_within_five_per_cent_on_both_sides(self):
        for ratio, expected in [(1.06, Outcome.FASTER), (1.05, Outcome.FASTER),
                                (1.049, Outcome.LEVEL), (1.0, Outcome.LEVEL),
                                (1 / 1.049, Outcome.LEVEL), (1 / 1.051, Outcome.SLOWER),
                                (0.5, Outcome.SLOWER)]:
            with self.subTest(ratio):
                self.assertIs(comparison.outcome(ratio), expected)

    def test_calls_unstable_what_varies_by_more_than_a_tenth(self):
        self.assertIsNone(comparison.variation([100.0]))
        self.assertAlmostEqual(comparison.variation([90.0, 100.0, 110.0]), 0.1)
        steady, shaky = [91.0, 100.0, 109.0], [89.0, 100.0, 111.0]
        for ours, theirs, expected in [(steady, steady, False), (shaky, steady, True),
                                       (steady, shaky, True), ([100.0], [100.0], False)]:
            with self.subTest(ours=ours, theirs=theirs):
                for path in self.folder.iterdir():
                    path.unlink()
                found = self.scenario(ours, {"lmdb": theirs})
                self.assertIs(found.ratios["lmdb"].unstable, expected)

    def test_judges_a_scenario_by_its_best_peer(self):
        found = self.scenario([100.0], {"lmdb": [300.0], "sqlite": [80.0], "rocksdb": [100.0]})
        self.assertEqual((found.best_peer, found.worst.median), ("sqlite", 0.8))
        self.assertIs(found.worst.outcome, Outcome.SLOWER)

    def test_sums_up_who_is_faster(self):
        times = {"won": (300.0, 130.0), "barely": (110.0, 900.0), "level": (103.0, 500.0),
                 "lost": (50.0, 500.0), "beaten": (400.0, 90.0)}
        read = self.read(*[sample.of_engine(engine, scenario, [time])
                           for scenario, both in times.items()
                           for engine, time in zip(["caisson", "lmdb", "wiredtiger"],
                                                   (100.0, *both))])
        found = comparison.scenarios(read)
        self.assertEqual([scenario.name for scenario in found],
                         ["lost", "beaten", "level", "barely", "won"])
        self.assertEqual(
            comparison.summary(found, LABELS),
            "In 5 scenarios beside LMDB and WIREDTIGER, Caisson is faster than every peer in 2 "
            "(1.2 times as fast or more in 1), level with the best one within 5% in 1, and slower "
            "than the best one in 2. Furthest behind: lost (0.50 times as fast as LMDB) and beaten "
            "(0.90 times as fast as WIREDTIGER).")
        self.assertEqual(comparison.summary([], LABELS),
                         "Nothing here was measured beside another engine.")

    def test_says_how_many_scenarios_rest_on_unstable_times(self):
        found = self.scenario([100.0, 200.0], {"lmdb": [300.0, 400.0]})
        self.assertIn("1 of the 1 can't be trusted", comparison.summary([found], LABELS))

    def test_says_what_makes_figures_doubtful(self):
        failed = changed(("result", "errors"), 3)
        read = self.read([failed], sample.results("c/short", [1.0, 1.0, 1.0])[:2])
        remarks = " ".join(comparison.remarks(read))
        self.assertIn("Operations failed in a/b:", remarks)
        self.assertIn("Measured once only", remarks)
        self.assertIn("Some repeats are missing: c/short.", remarks)
        self.assertEqual(comparison.remarks(self.read_alone(sample.results("a/b", [1.0, 1.0]))), [])

    def read_alone(self, documents):
        for path in self.folder.iterdir():
            path.unlink()
        return self.read(documents)


class Limits(TestOfResults):
    def test_holds_a_time_against_the_first_limit_it_names(self):
        read = self.read(
            sample.results("limit/read", [50.0, 40.0]), sample.results("limit/other", [1.0, 1.0]),
            sample.results("calibration/sum", [10.0, 10.0]),
            sample.results("a/b", [100.0, 120.0], against=["a/c", "limit/read", "limit/other"]),
            sample.results("a/c", [100.0, 100.0], against=["calibration/sum"]),
            sample.results("a/d", [100.0, 100.0], against=["limit/not_measured"]),
            sample.results("a/e", [300.0, 300.0], against=["limit/read"]))
        by_limit = comparison.limit_ratios(read, "limit/")
        self.assertEqual([(limit, [(held.name, ratio.median) for held, ratio in pairs])
                          for limit, pairs in by_limit.items()],
                         [("limit/read", [("a/e", 6.75), ("a/b", 2.5)])])
        by_calibration = comparison.limit_ratios(read, "calibration/")
        self.assertEqual([(limit, pairs[0][0].name, pairs[0][1].median)
                          for limit, pairs in by_calibration.items()],
                         [("calibration/sum", "a/c", 10.0)])
        self.assertIsNone(comparison.limit_ratio(read, read.benchmarks["a/d"]))

    def test_leaves_peers_out(self):
        read = self.read(sample.results("limit/read", [50.0]),
                         sample.of_engine("lmdb", "x", [100.0], against=["limit/read"]))
        self.assertEqual(comparison.limit_ratios(read, "limit/"), {})


class Tables(TestOfResults):
    def test_go_by_numbers_and_leave_out_what_was_not_measured(self):
        threads = (1, 16, 4)
        read = self.read(*[sample.of_engine(engine, f"x/threads_{n}", [100.0])
                           for engine in ("caisson", "lmdb") for n in threads])
        lines = markdown.figures(read).splitlines()
        self.assertEqual([line.split("`")[1] for line in lines if line.startswith("| `")],
                         ["x/threads_1", "x/threads_4", "x/threads_16"])
        self.assertNotIn("limit", markdown.figures(read))

    def test_hold_what_has_peers_against_its_limit_too(self):
        read = self.read(sample.results("calibration/disk", [50.0]),
                         sample.of_engine("caisson", "x", [100.0], against=["calibration/disk"]))
        self.assertIn("| 2.00 |", markdown.figures(read))


class Curves(TestOfResults):
    def test_orders_a_series_by_its_threads(self):
        def of(engine, threads, series):
            return sample.of_engine(engine, f"{series}/{20 - threads}_idle", [100.0],
                                    series=series, threads=threads)
        read = self.read(*[of(engine, threads, "get") for engine in ("lmdb", "caisson")
                           for threads in (16, 2, 4)], of("caisson", 1, "single"))
        found = comparison.series(read)
        self.assertEqual({name: {engine: [comparison.threads_of(b) for b in benchmarks]
                                 for engine, benchmarks in lines.items()}
                          for name, lines in found.items()},
                         {"get": {"caisson": [2, 4, 16], "lmdb": [2, 4, 16]}})

    def test_adds_up_the_latencies_of_all_repeats(self):
        documents = sample.results("a/b", [5.0, 5.0])
        for document, buckets in zip(documents, ([[5, 3], [9, 1]], [[5, 4], [7, 2]])):
            document["result"]["latency_ns"].update(
                buckets=buckets, samples=sum(count for _, count in buckets))
        read = self.read(documents)
        self.assertEqual(comparison.percentiles(read.benchmarks["a/b"]),
                         ([0.65, 0.85, 0.95], [5, 7, 9]))


class Units(unittest.TestCase):
    def test_are_short_and_never_a_thousand(self):
        for text, shown in [
                (units.time(0.4), "0.4 ns"), (units.time(999.4), "999 ns"),
                (units.time(999.6), "1 µs"), (units.time(1844), "1.84 µs"),
                (units.time(2.5e9), "2.5 s"), (units.time(7.2e12), "7,200 s"),
                (units.count(0), "0"), (units.count(0.0001), "< 0.001"),
                (units.count(431_234), "431 k"), (units.size(0), "0"),
                (units.size(1023), "1,023 B"), (units.size(16384), "16 KiB"), (units.size(1 << 60), "1,048,576 TiB"),
                (units.ratio(0.00123), "0.0012"), (units.ratio(0.6), "0.60"),
                (units.ratio(12.94), "12.9"), (units.ratio(120), "120"),
                (units.ratio(67_234), "67.2 k")]:
            self.assertEqual(text, shown)

    def test_break_names_where_a_part_ends(self):
        self.assertEqual(units.wrapped("short/name", 20), ["short/name"])
        self.assertEqual(units.wrapped("a_long_name/with_parts", 14),
                         ["a_long_name/", "  with_parts"])
        self.assertEqual(units.wrapped("x" * 20, 12), ["x" * 10, "  " + "x" * 10])


if __name__ == "__main__":
    unittest.main()
