"""What the results say: ratios, how steady they are, who is faster, and the sentences about it.

Pure functions of numbers and of results.Results, without any drawing.
"""

import dataclasses
import enum
import statistics

from report import units
from report.results import OURS, PEERS, by_number

LEVEL_WITHIN = 0.05  # Ratios nearer to 1 than this are no difference.
UNSTABLE_ABOVE = 0.10  # A coefficient of variation.
AHEAD = 1.2  # What Caisson wants to be, times as fast as its best peer.
LIMITS = ("limit/", "calibration/")  # How the names begin of what is no engine's work.


class Outcome(enum.Enum):
    FASTER = "faster"
    LEVEL = "level"
    SLOWER = "slower"


@dataclasses.dataclass(frozen=True)
class Ratio:
    median: float
    lowest: float
    highest: float
    unstable: bool  # One of the two times it divides is.

    @property
    def outcome(self):
        """Whose time is shorter, where the ratio is theirs over ours."""
        return outcome(self.median)


@dataclasses.dataclass
class Scenario:
    """What Caisson and at least one peer have both done."""
    name: str
    ours: object  # results.Benchmark
    peers: dict  # results.Benchmark by engine
    ratios: dict  # Ratio by engine, theirs over ours; above 1, Caisson is faster.

    @property
    def best_peer(self):
        """The engine that Caisson is furthest behind, or least ahead of."""
        return min(self.ratios, key=lambda engine: self.ratios[engine].median)

    @property
    def worst(self):
        return self.ratios[self.best_peer]


def outcome(ratio):
    if ratio >= 1 + LEVEL_WITHIN:
        return Outcome.FASTER
    # The same margin, seen from the other side.
    return Outcome.SLOWER if ratio <= 1 / (1 + LEVEL_WITHIN) else Outcome.LEVEL


def variation(times):
    """The coefficient of variation; None of fewer than two, and of nothing but zeros."""
    if len(times) < 2 or not any(times):
        return None
    return statistics.stdev(times) / statistics.mean(times)


def times_of(benchmark):
    return [repeat.headline_ns for repeat in benchmark.repeats.values()]


def headline_of(benchmark):
    """The median of its repeats, in nanoseconds."""
    return statistics.median(times_of(benchmark))


def variation_of(benchmark):
    return variation(times_of(benchmark))


def is_unstable(benchmark):
    found = variation_of(benchmark)
    return found is not None and found > UNSTABLE_ABOVE


def ratio(above, below):
    """One benchmark's time over another's, pair by pair of the repeats that belong together.

    None where there is no such pair. A time of 0 was too short to be measured, and has no ratio.
    """
    pairs = [above.repeats[key].headline_ns / below.repeats[key].headline_ns
             for key in above.repeats if key in below.repeats
             and above.repeats[key].headline_ns > 0 and below.repeats[key].headline_ns > 0]
    if not pairs:
        return None
    return Ratio(statistics.median(pairs), min(pairs), max(pairs),
                 is_unstable(above) or is_unstable(below))


def scenarios(results):
    """Each with its ratios, those first in which Caisson does worst."""
    by_scenario = {}
    for benchmark in results.benchmarks.values():
        if benchmark.engine is not None:
            by_scenario.setdefault(benchmark.scenario, {})[benchmark.engine] = benchmark
    found = []
    for name, engines in by_scenario.items():
        ours = engines.get(OURS)
        peers = {engine: engines[engine] for engine in PEERS if ours and engine in engines}
        ratios = {engine: ratio(peer, ours) for engine, peer in peers.items()}
        ratios = {engine: value for engine, value in ratios.items() if value}
        if ratios:
            found.append(Scenario(name, ours, peers, ratios))
    return sorted(found, key=lambda scenario: (scenario.worst.median, scenario.name))


def limit_of(benchmark):
    """The name of what its time is held against; None where there is nothing."""
    return next((name for name in benchmark.about["against"] if name.startswith(LIMITS)), None)


def limit_ratio(results, benchmark):
    """Its time over its limit's, or None; above 1, the limit is faster."""
    limit = results.benchmarks.get(limit_of(benchmark))
    return ratio(benchmark, limit) if limit else None


def limit_ratios(results, kind):
    """Of all of Caisson's own that are held against a limit of this kind ("limit/" or
    "calibration/"): lists of (Benchmark, Ratio) by the name of the limit, the furthest first."""
    found = {}
    for benchmark in results.benchmarks.values():
        name = limit_of(benchmark)
        value = limit_ratio(results, benchmark)
        ours = benchmark.engine in (None, OURS) and not benchmark.name.startswith(LIMITS)
        if value and ours and name.startswith(kind):
            found.setdefault(name, []).append((benchmark, value))
    for name in found:
        found[name].sort(key=lambda pair: -pair[1].median)
    return dict(sorted(found.items(), key=lambda item: -item[1][0][1].median))


def series(results):
    """By name of the series and engine, the benchmarks in the order of their threads; only where
    there is more than one number of threads."""
    found = {}
    for benchmark in results.benchmarks.values():
        name = benchmark.about["parameters"].get("series")
        if name is not None and benchmark.engine is not None:
            found.setdefault(name, {}).setdefault(benchmark.engine, []).append(benchmark)
    for engines in found.values():
        for benchmarks in engines.values():
            benchmarks.sort(key=threads_of)
    return {name: found[name] for name in sorted(found, key=by_number)
            if any(len(benchmarks) > 1 for benchmarks in found[name].values())}


def threads_of(benchmark):
    return benchmark.about["parameters"]["threads"]


def percentiles(benchmark):
    """Its latencies in all repeats, as two lists: the parts of the samples, and the latency that so
    many don't exceed. A sample counts as half below itself, so that the highest has a place."""
    counts = {}
    for result in benchmark.results():
        for latency, count in result["latency_ns"]["buckets"]:
            counts[latency] = counts.get(latency, 0) + count
    total = sum(counts.values())
    parts, latencies = [], []
    seen = 0
    for latency in sorted(counts):
        seen += counts[latency]
        parts.append((seen - 0.5) / total)
        latencies.append(latency)
    return parts, latencies


def median_of(benchmark, figure):
    """The median over its repeats of figure(result); None where one of them has none."""
    values = [figure(result) for result in benchmark.results()]
    return None if None in values else statistics.median(values)


def plural(count, noun):
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def joined(names, most=6):
    """Names as a part of a sentence, and the number of those beyond `most`."""
    names = list(names)
    if len(names) > most:
        names = names[:most - 1] + [f"{len(names) - most + 1} more"]
    return " and ".join([", ".join(names[:-1])] * (len(names) > 1) + names[-1:])


def summary(found, labels):
    """What the scenarios show, in a few sentences. `labels`: the names of engines."""
    if not found:
        return "Nothing here was measured beside another engine."
    count = {kind: sum(scenario.worst.outcome is kind for scenario in found) for kind in Outcome}
    engines = [engine for engine in PEERS if any(engine in scenario.ratios for scenario in found)]
    ahead = sum(scenario.worst.median >= AHEAD for scenario in found)
    sentences = [
        f"In {plural(len(found), 'scenario')} beside {joined(labels[e] for e in engines)}, "
        f"Caisson is faster than every peer in {count[Outcome.FASTER]} "
        f"({AHEAD} times as fast or more in {ahead}), level with the best one within "
        f"{LEVEL_WITHIN:.0%} in {count[Outcome.LEVEL]}, and slower than the best one in "
        f"{count[Outcome.SLOWER]}."]
    lost = [f"{scenario.name} ({units.ratio(scenario.worst.median)} times as fast as "
            f"{labels[scenario.best_peer]})"
            for scenario in found if scenario.worst.outcome is Outcome.SLOWER]
    if lost:
        sentences.append(f"Furthest behind: {joined(lost)}.")
    shaky = sum(scenario.worst.unstable for scenario in found)
    if shaky:
        sentences.append(
            f"{shaky} of the {len(found)} can't be trusted: a time that decides varies by more "
            f"than {UNSTABLE_ABOVE:.0%} between repeats (marked *).")
    return " ".join(sentences)


def remarks(results):
    """What a reader must know before believing the figures: what failed, is missing or alone."""
    every = list(results.benchmarks.values())
    found = []
    failed = [b.name for b in every if any(result["errors"] for result in b.results())]
    if failed:
        found.append(f"Operations failed in {joined(failed)}: those times mean nothing.")
    short = [b.name for b in every if 0 in times_of(b)]
    if short:
        found.append(f"Too short to be measured, with a time of 0: {joined(short)}.")
    alone = [b.name for b in every if len(b.repeats) == 1]
    if alone:
        found.append(f"Measured once only, so that nothing tells how steady the time is: "
                     f"{joined(alone)}.")
    missing = [b.name for b in every if 1 < len(b.repeats) < sum(b.announced.values())]
    if missing:
        found.append(f"Some repeats are missing: {joined(missing)}.")
    compared = {peer.name for scenario in scenarios(results)
                for engine, peer in scenario.peers.items() if engine in scenario.ratios}
    unpaired = [b.name for b in every if b.engine in PEERS and b.name not in compared]
    if unpaired:
        found.append(f"Compared with nothing, as no repeat of Caisson's in the same run did the "
                     f"same: {joined(unpaired)}.")
    if results.build["dirty"]:
        found.append("The program was built with changes that are in no commit.")
    return found
