"""Reads what caisson-bench wrote: folders of one JSON file a repeat, as results.schema.json says.

Nothing of a file is used before all of it was checked.
"""

import dataclasses
import json
import pathlib
import re

from report import schema

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parent.parent
                     / "results.schema.json").read_text(encoding="utf-8"))
OURS = "caisson"
PEERS = ["lmdb", "sqlite", "rocksdb", "wiredtiger"]
# Of scenarios and series: as of a benchmark, of which they are the end.
NAME = {"type": "string", "pattern": "^[a-z0-9_]+(/[a-z0-9_]+)*$"}


class BadResults(Exception):
    """What was read can't be reported; says which file, which field, and why."""


@dataclasses.dataclass
class Repeat:
    path: pathlib.Path
    result: dict  # As in the file.
    headline_ns: float


@dataclasses.dataclass
class Benchmark:
    about: dict  # "benchmark", as in the files.
    # How many repeats each run was to have.
    announced: dict = dataclasses.field(default_factory=dict)
    # By the identity of the run and the number of the repeat. What has the same key was measured
    # within the same minutes, and so may be divided by one another.
    repeats: dict = dataclasses.field(default_factory=dict)

    @property
    def name(self):
        return self.about["name"]

    @property
    def suite(self):
        return self.about["suite"]

    @property
    def engine(self):
        return self.about["parameters"].get("engine")

    @property
    def scenario(self):
        return self.about["parameters"]["scenario"]

    def results(self):
        return [repeat.result for repeat in self.repeats.values()]


@dataclasses.dataclass
class Results:
    machine: dict
    build: dict
    profile: str
    started: list  # Of all files, sorted.
    benchmarks: dict  # By name, sorted by suite and name.


def read(folders):
    """All results in these folders, which have to be of one machine, build and profile."""
    documents = []
    for folder in map(pathlib.Path, folders):
        if not folder.is_dir():
            raise BadResults(f"{folder}: there is no such folder")
        paths = sorted(folder.glob("*.json"))
        if not paths:
            raise BadResults(f"{folder}: holds no results (*.json); caisson-bench writes them")
        documents += [(path, read_file(path)) for path in paths]
    check_same_origin(documents)
    benchmarks = gather(documents)
    check_scenarios(benchmarks)
    first = documents[0][1]
    return Results(first["machine"], first["build"], first["run"]["profile"],
                   sorted(document["run"]["started"] for _, document in documents),
                   dict(sorted(benchmarks.items(),
                               key=lambda item: (item[1].suite, by_number(item[0])))))


def by_number(name):
    """What to sort names by so that numbers in them count as such: 2 before 16."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def read_file(path):
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=float)
    except OSError as error:
        raise BadResults(f"{path}: can't be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise BadResults(f"{path}: is no JSON: {error}") from None
    try:
        # What it is, and of which version, comes first: all else would mislead.
        for field in ("format", "version"):
            if not isinstance(document, dict) or field not in document:
                raise schema.Mismatch(field, "is missing: this is no result of caisson-bench")
            schema.check(document[field], SCHEMA["properties"][field], field)
        schema.check(document, SCHEMA)
        check_histogram(document["result"]["latency_ns"])
        check_parameters(document["benchmark"])
    except schema.Mismatch as mismatch:
        raise BadResults(f"{path}: {mismatch}") from None
    return document


def check_histogram(latency):
    field = "result.latency_ns.buckets"
    buckets = latency["buckets"]
    if any(a[0] >= b[0] for a, b in zip(buckets, buckets[1:])):
        raise schema.Mismatch(field, "don't go from the lowest up")
    counted = sum(count for _, count in buckets)
    if counted != latency["samples"]:
        raise schema.Mismatch(
            field, f"hold {counted} samples; result.latency_ns.samples says {latency['samples']}")


def check_parameters(about):
    """Where an engine is named, it and what it did are what pictures are grouped by."""
    parameters = about["parameters"]

    def check(name, wanted):
        field = f"benchmark.parameters.{name}"
        if name not in parameters:
            raise schema.Mismatch(field, "is missing")
        schema.check(parameters[name], wanted, field)

    if "engine" in parameters:
        check("engine", {"enum": [OURS] + PEERS})
        check("scenario", NAME)
    if "engine" in parameters and "series" in parameters:
        check("series", NAME)
        check("threads", {"type": "number", "minimum": 1})


def check_same_origin(documents):
    first_path, first = documents[0]
    for path, document in documents:
        for part, names in (("machine", first["machine"]), ("build", first["build"]),
                            ("run", ["profile"])):
            for name in names:
                here, there = document[part][name], first[part][name]
                if here != there:
                    raise BadResults(f"{path}: {part}.{name} is {here!r}, but {there!r} in "
                                     f"{first_path}; a report is of one machine and one build")


def gather(documents):
    benchmarks = {}
    for path, document in documents:
        about, run = document["benchmark"], document["run"]
        benchmark = benchmarks.setdefault(about["name"], Benchmark(about))
        benchmark.announced[run["id"]] = run["repeats"]
        key = (run["id"], run["repeat"])
        if key in benchmark.repeats:
            raise BadResults(f"{path}: run.repeat is {run['repeat']} again, "
                             f"as in {benchmark.repeats[key].path}")
        if about != benchmark.about:
            other = next(iter(benchmark.repeats.values())).path
            field = next(name for name in about if about[name] != benchmark.about[name])
            raise BadResults(f"{path}: benchmark.{field} differs from that in {other}")
        benchmark.repeats[key] = Repeat(path, document["result"],
                                        headline_ns(document["result"], about["headline"]))
    return benchmarks


def headline_ns(result, kind):
    """The time of one operation that stands for the benchmark, in nanoseconds."""
    if kind == "median":
        return result["latency_ns"]["p50"]
    seconds = result["wall_seconds" if kind == "wall" else "processor_seconds"]
    return seconds * 1e9 / result["operations"]


def check_scenarios(benchmarks):
    """An engine does a scenario once, and all of them are measured alike."""
    by_engine, by_scenario = {}, {}
    for benchmark in benchmarks.values():
        if benchmark.engine is None:
            continue
        path = next(iter(benchmark.repeats.values())).path
        same = by_engine.setdefault((benchmark.scenario, benchmark.engine), benchmark)
        if same is not benchmark:
            raise BadResults(f"{path}: benchmark.parameters.scenario is {benchmark.scenario!r}, "
                             f"as in {same.name}, of the same engine")
        first = by_scenario.setdefault(benchmark.scenario, benchmark)
        if first.about["headline"] != benchmark.about["headline"]:
            raise BadResults(f"{path}: benchmark.headline is {benchmark.about['headline']!r}, "
                             f"but {first.about['headline']!r} in {first.name}, which it is "
                             "compared with")
