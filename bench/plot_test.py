#!/usr/bin/python3
"""Method: make a report of results that are known, and look into what was made of them: bars of the
right length and look, labels that nothing covers, a page that needs nothing else and has it all.
Then let reading and writing fail, and expect the folder to be as it was.

What the figures are computed from is tested in report_test.py.
"""

import base64
import contextlib
import errno
import html.parser
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

import plot
from report import comparison, results
from report.testing import sample_results as sample

try:
    import matplotlib.text
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from report import pictures, style
except ModuleNotFoundError as missing:
    if missing.name != "matplotlib":
        raise
    print("skipped: python3-matplotlib is not installed (tools/setup.sh bench)")
    sys.exit(77)  # What ctest takes as skipped.

LONG = "a_long_name_of_a_scenario/with_all_that_it_was_told/values_of_1000_bytes/threads_16"


def sample_documents():
    """A bit of everything: won, level, lost, unstable, cut off, with limits and threads."""
    steady, shaky = [1.0, 1.01, 0.99], [1.0, 1.5, 0.7]
    made = sample.results("limit/read", [50.0, 50.0, 50.0], gate="none")
    made += sample.results("calibration/sum", [10.0, 10.0, 10.0], gate="none")
    made += sample.results("pager/read", [150.0, 150.0, 150.0], against=["limit/read"])
    made += sample.results("pager/write", [9_876_543.0, 8_000_000.0, 3_000_000.0],
                           against=["calibration/sum"])
    for scenario, ratios in {"won": {"lmdb": 2.0, "sqlite": 4.0}, "level": {"lmdb": 1.02},
                             "lost": {"lmdb": 0.5, "rocksdb": 3.0}, "far": {"wiredtiger": 500.0},
                             LONG: {"lmdb": 1.5, "sqlite": 0.001}}.items():
        made += sample.of_engine("caisson", scenario, [100.0] * 3, against=["limit/read"])
        for engine, ratio in ratios.items():
            made += sample.of_engine(engine, scenario, [100.0 * ratio] * 3)
    for engine, noise in [("caisson", steady), ("sqlite", shaky)]:
        for threads in (1, 4, 16):
            made += sample.of_engine(engine, f"get/threads_{threads}",
                                     [300.0 * value / threads for value in noise],
                                     threads=threads, series="get")
    return made


LOST = {f"caisson/{name}" for name in ("lost", LONG)}


def run(*arguments):
    """What it says, on both streams, and its exit code."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = plot.main([str(argument) for argument in arguments])
    return said.getvalue(), code


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else None


class Page(html.parser.HTMLParser):
    """The rows of its table, its links, and what it would fetch."""

    def __init__(self, text):
        super().__init__()
        self.text, self.links, self.fetched, self.rows, self.tags = "", [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.links += [attributes["href"]] if "href" in attributes else []
        self.fetched += [attributes[name] for name in ("src", "srcset", "data", "poster")
                         if name in attributes]
        if tag == "tr":
            self.rows.append((attributes.get("class"), []))
        elif tag in ("td", "th") and self.rows:
            self.rows[-1][1].append("")

    def handle_data(self, text):
        self.text += text
        if self.rows and self.rows[-1][1]:
            self.rows[-1][1][-1] += text


TOLD = ["--title", "On <A&B>", "--note", "Tests: 9 passed <&>", "--note", "Gate: passed"]


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        sample.write(cls.folder / "results", sample_documents())
        cls.out = cls.folder / "deep" / "report"
        cls.said, cls.code = run(cls.folder / "results", "--out", cls.out, *TOLD)
        cls.html = (cls.out / "report.html").read_text(encoding="utf-8")
        cls.page = Page(cls.html)
        cls.svgs = [base64.b64decode(url.partition(",")[2]).decode() for url in cls.page.fetched]
        cls.names = {document["benchmark"]["name"] for document in sample_documents()}

    def test_is_written_with_all_its_pictures(self):
        self.assertEqual(self.code, 0, self.said)
        self.assertEqual(set(content_of(self.out)),
                         {"report.html"} | {f"{name}.png" for name in pictures.NAMES})
        for name, content in content_of(self.out).items():
            self.assertTrue(name == "report.html" or content.startswith(b"\x89PNG\r\n"), name)
        self.assertEqual(len(self.svgs), 2 * len(pictures.NAMES))

    def test_shows_the_notes_that_it_was_given(self):
        self.assertIn("<li>Tests: 9 passed &lt;&amp;&gt;</li><li>Gate: passed</li>", self.html)

    def test_needs_nothing_from_elsewhere(self):
        for url in self.page.fetched:
            self.assertTrue(url.startswith("data:image/svg+xml;base64,"), url[:80])
        for url in self.page.links:
            self.assertTrue(url.startswith("#"), url)
            self.assertIn(f'id="{url[1:]}"', self.html)
        self.assertEqual({"script", "link", "iframe", "object"} & set(self.page.tags), set())
        for text in [self.html] + self.svgs:
            self.assertNotIn("@import", text)
            self.assertNotIn("<script", text)
            for url in re.findall(r"url\(\s*['\"]?(.)", text):
                self.assertEqual(url, "#")
        for svg in self.svgs:
            for url in re.findall(r"\bhref=\"(.)", svg):
                self.assertEqual(url, "#")

    def test_has_a_row_for_every_benchmark(self):
        rows = [cells[0] for _, cells in self.page.rows]
        self.assertEqual(sorted(name for name in rows if "/" in name), sorted(self.names))

    def test_marks_the_rows_that_are_slower(self):
        self.assertEqual({cells[0] for kind, cells in self.page.rows if kind == "slower"}, LOST)
        row = next(cells for _, cells in self.page.rows if cells[0] == "caisson/lost")
        self.assertIn("▼ 0.50 LMDB", row)
        row = next(cells for _, cells in self.page.rows if cells[0] == "caisson/won")
        self.assertIn("2.00 LMDB", row)

    def test_marks_what_is_unstable(self):
        marked = {cells[0] for _, cells in self.page.rows if cells[2:3] and "%*" in cells[2]}
        self.assertEqual(marked, {f"sqlite/get/threads_{threads}" for threads in (1, 4, 16)}
                         | {"pager/write"})

    def test_says_where_the_figures_come_from(self):
        self.assertIn("<h1>On &lt;A&amp;B&gt;</h1>", self.html)
        for fact in ("Example CPU 9000 <B>", "0123456789ab", "2025-03-04", "dev_nvme", "On <A&B>",
                     "beside LMDB, SQLite, RocksDB and WiredTiger"):
            self.assertIn(fact, self.page.text)

    def test_is_fit_for_the_night(self):
        for text in [self.html] + self.svgs:
            self.assertIn("prefers-color-scheme", text)
        for svg in self.svgs:
            drawn = svg.partition("</style>")[2]
            self.assertIn("var(--", drawn)
            for colour in style.AT_NIGHT:
                self.assertNotIn(colour, drawn)

    def test_is_the_same_for_the_same_results(self):
        run(self.folder / "results", "--out", self.folder / "again", *TOLD)
        self.assertEqual(content_of(self.folder / "again"), content_of(self.out))


class Pictures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = cls.drawn(sample_documents())
        # Many scenarios, as a whole run has.
        many = []
        for at in range(40):
            for engine in results.PEERS + [results.OURS]:
                name = f"ycsb_{'abcdef'[at % 6]}/zipfian_{at}/threads_16"
                many += sample.of_engine(engine, name, [100.0 + 3 * at + len(engine)] * 2,
                                         series=f"ycsb_{at // 2}", threads=1 + at % 2)
        cls.many = cls.drawn(many)

    @classmethod
    def drawn(cls, documents):
        """By name and width, each picture's figure."""
        with tempfile.TemporaryDirectory() as folder, style.rules():
            sample.write(pathlib.Path(folder), documents)
            return {(picture.name, width): picture.draw(width)
                    for picture in pictures.all_of(results.read([folder]))
                    for width in (pictures.WIDE, pictures.NARROW)}

    def bars_of(self, name):
        """The colours of bars, and whether they are hatched, by where they end."""
        found = {}
        for axes in self.all[name, pictures.NARROW].axes:
            for container in axes.containers:
                for bar in container:
                    found.setdefault(round(bar.get_x() + bar.get_width(), 6), []).append(
                        (matplotlib.colors.to_hex(bar.get_facecolor()), bool(bar.get_hatch())))
        return found

    def test_draw_each_ratio_as_a_bar_from_one_to_it(self):
        bars = self.bars_of("peers")
        self.assertEqual(bars[2.0], [(style.FASTER, False)])
        self.assertEqual(bars[4.0], [(style.FASTER, False)])
        self.assertEqual(bars[1.02], [(style.LEVEL, False)])
        self.assertEqual(bars[0.5], [(style.SLOWER, False)])

    def test_cut_bars_off_at_the_edge(self):
        bars = self.bars_of("peers")
        self.assertEqual((min(bars), max(bars)), (1 / 16, 32))

    def test_hatch_bars_of_unstable_times(self):
        hatched = [end for end, looks in self.bars_of("peers").items()
                   for _, hatch in looks if hatch]
        self.assertEqual(hatched, [1.0] * 3)  # Of three numbers of threads.

    def test_draw_times_over_their_limits(self):
        self.assertIn(3.0, self.bars_of("limits"))
        self.assertEqual(list(self.bars_of("calibrations")), [800_000.0])

    def test_stay_readable_however_much_they_show(self):
        for figures in (self.all, self.many):
            for (name, width), figure in figures.items():
                with self.subTest(name, width=width, texts=len(figures)):
                    self.assertLessEqual(figure.get_figwidth(), width)
                    self.check_labels(figure)

    def check_labels(self, figure):
        """No label lies on another or beyond the edge, but for a pixel."""
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        texts = [text for text in figure.findobj(matplotlib.text.Text)
                 if text.get_visible() and text.get_text().strip()]
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts]
        self.assertGreater(len(boxes), 3)
        for at, (text, box) in enumerate(boxes):
            self.assertTrue(box.x0 > -1 and box.x1 < figure.bbox.x1 + 1
                            and box.y0 > -1 and box.y1 < figure.bbox.y1 + 1, f"{text}: {box}")
            for other, over in boxes[:at]:
                self.assertFalse(
                    min(box.x1, over.x1) - max(box.x0, over.x0) > 1
                    and min(box.y1, over.y1) - max(box.y0, over.y0) > 1.5, (text, other))


class Failing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.results, self.out = self.folder / "results", self.folder / "new" / "report"
        sample.write(self.results, sample.of_engine("caisson", "get", [100.0])
                     + sample.of_engine("lmdb", "get", [200.0]))

    def expect(self, code, text, *arguments):
        """Both where there is a report already and where there is none."""
        for folder in (self.folder / "old", self.out):
            if folder.name == "old":
                folder.mkdir(exist_ok=True)
                (folder / "report.html").write_text("an earlier one")
            before = content_of(folder)
            said, exited = run(*(arguments or [self.results]), "--out", folder)
            self.assertEqual(exited, code, said)
            self.assertIn(text, said)
            self.assertNotIn("Traceback", said)
            self.assertEqual(content_of(folder), before)
        self.assertFalse(self.out.parent.exists())

    def test_names_the_file_and_the_field_that_is_wrong(self):
        path = self.results / "foreign.json"
        path.write_text("[1, 2]")
        self.expect(2, f"{path}: format is missing")
        broken = sample.result("a/b", 100.0)
        broken["result"]["latency_ns"]["p50"] = "fast"
        path.write_text(plot.results.json.dumps(broken))
        self.expect(2, f"{path}: result.latency_ns.p50 is 'fast'")

    def test_says_when_there_are_no_results(self):
        self.expect(2, "there is no such folder", self.folder / "none")

    def test_leaves_nothing_behind_when_the_disk_is_full(self):
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for name in ("peers.png", "latencies.png", "report.html"):
            with self.subTest(name), failing(name, full):
                self.expect(5, "No space left on device")

    def test_leaves_nothing_behind_when_it_is_stopped(self):
        with failing("latencies.png", KeyboardInterrupt()):
            self.expect(130, "nothing is written")

    def test_refuses_a_file_as_its_folder(self):
        path = self.folder / "file"
        path.write_text("something of value")
        said, code = run(self.results, "--out", path)
        self.assertEqual((code, path.read_text()), (2, "something of value"), said)

    def test_removes_the_pictures_of_an_earlier_report_and_nothing_else(self):
        self.out.mkdir(parents=True)
        for name in ("throughput.png", "holiday.png"):
            (self.out / name).write_bytes(b"old")
        said, code = run(self.results, "--out", self.out)
        self.assertEqual(code, 0, said)
        self.assertEqual(set(content_of(self.out)),
                         {"report.html", "peers.png", "latencies.png", "holiday.png"})

    def test_writes_tables_into_a_document_between_its_marks(self):
        sample.write(self.results, sample_documents())
        document = self.folder / "document.md"
        document.write_text("before\n<!-- figures: begin -->\nstale figures\n<!-- figures: end -->\nafter\n")
        said, code = run(self.results, "--out", self.out, "--into", document)
        self.assertEqual(code, 0, said)
        text = document.read_text()
        self.assertTrue(text.startswith("before\n<!-- figures: begin -->\nExample CPU 9000"), text)
        self.assertTrue(text.endswith("\n<!-- figures: end -->\nafter\n"), text)
        self.assertNotIn("stale figures", text)
        self.assertIn("| `lost` | 100 ns | **0.50** |  | 3.00 |  |", text)
        self.assertIn("| `pager/read` | 150 ns | 255 ns | `limit/read` | 50 ns | 3.00 |", text)
        run(self.results, "--out", self.out, "--into", document)
        self.assertEqual(document.read_text(), text)

    def test_leaves_a_document_without_marks_alone(self):
        sample.write(self.results, sample_documents())
        document = self.folder / "document.md"
        document.write_text("no marks\n")
        said, code = run(self.results, "--out", self.out, "--into", document)
        self.assertEqual(code, 2)
        self.assertIn("document.md", said)
        self.assertEqual(document.read_text(), "no marks\n")
        self.assertFalse(self.out.exists())

    def test_makes_a_page_where_there_is_nothing_to_draw(self):
        alone = self.folder / "alone"
        sample.write(alone, sample.results("a/b", [100.0]))
        said, code = run(alone, "--out", self.out)
        self.assertEqual((code, set(content_of(self.out))), (0, {"report.html"}), said)


class Command(unittest.TestCase):
    def call(self, *arguments):
        path = pathlib.Path(__file__).with_name("plot.py")
        return subprocess.run([sys.executable, "-B", path, *arguments], capture_output=True,
                              text=True, timeout=60, check=False)

    def test_helps_with_examples(self):
        done = self.call("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("bench/plot.py results --out report", done.stdout)

    def test_says_how_it_is_called(self):
        done = self.call("results")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--out", done.stderr)


def failing(name, error):
    """Lets a file of this name be written by half, and then fail."""
    write = pathlib.Path.write_bytes

    def write_or_fail(path, content):
        if name not in path.name:
            return write(path, content)
        write(path, content[:len(content) // 2])
        raise error
    return unittest.mock.patch.object(pathlib.Path, "write_bytes", write_or_fail)


if __name__ == "__main__":
    unittest.main()
