"""Which pictures a report has, what each is made of, and how it is to be read."""

import dataclasses

from report import bars, comparison, curves, style, units
from report.comparison import Outcome
from report.results import by_number

WIDE, NARROW = 11.4, 3.9  # Inches: of a desktop's page, and of a phone's.
COLOURS = {Outcome.FASTER: style.FASTER, Outcome.LEVEL: style.LEVEL, Outcome.SLOWER: style.SLOWER}
FEWEST_SAMPLES = 100  # Of fewer, high percentiles say nothing.
NAMES = ["peers", "throughput", "limits", "latencies", "calibrations"]
DASHED = (0, (4, 2))


@dataclasses.dataclass
class Picture:
    name: str  # Of its file, without the ending.
    title: str
    caption: str
    draw: object  # Of a width in inches, its figure.


def all_of(results):
    """Those that the results have something for."""
    scenarios = comparison.scenarios(results)
    found = [peers(scenarios), throughput(results), limits(results, "limit/"),
             latencies(results, scenarios), limits(results, "calibration/")]
    return [picture for picture in found if picture]


def peers(scenarios):
    if not scenarios:
        return None
    blocks = [peers_block(scenario) for scenario in scenarios]
    ratios = [ratio for scenario in scenarios for ratio in scenario.ratios.values()]
    lowest, highest, ticks = bars.ratio_scale(ratios, 1 / 16, 32)
    scale = bars.Scale(lowest, highest, ticks, [(comparison.AHEAD, DASHED)],
                       ("slower", "Caisson is faster"), labelled=True)
    legend = [bars.swatch(style.FASTER, "faster than the peer"),
              bars.swatch(style.LEVEL, f"level within {comparison.LEVEL_WITHIN:.0%}"),
              bars.swatch(style.SLOWER, "slower than the peer")]
    legend += legend_of_marks(ratios)
    legend.append(bars.line_sample(f"{comparison.AHEAD} times as fast", linewidth=0.8,
                                   linestyle=DASHED))
    return Picture(
        "peers", "Beside other engines",
        "How many times as fast as each peer Caisson is: right of 1 it is faster, left of 1 "
        "slower; the scenarios where it does worst come first.",
        lambda width: bars.draw(blocks, scale, legend, width))


def peers_block(scenario):
    behind = scenario.worst.outcome is Outcome.SLOWER
    mark, colour = ("▼ ", style.SLOWER_TEXT) if behind else ("", style.INK)
    return bars.Block(
        bars.name_lines(mark + scenario.name, colour),
        [bars.Bar(style.LABELS[engine], ratio, COLOURS[ratio.outcome],
                  ratio.outcome is Outcome.SLOWER)
         for engine, ratio in sorted(scenario.ratios.items(), key=lambda item: item[1].median)],
        behind)


def limits(results, kind):
    by_limit = comparison.limit_ratios(results, kind)
    if not by_limit:
        return None
    ratios = [ratio for held in by_limit.values() for _, ratio in held]
    is_limit = kind == "limit/"
    lowest, highest, ticks = bars.ratio_scale(ratios, *((1 / 16, 32) if is_limit else (0, 1e300)))
    scale = bars.Scale(lowest, highest, ticks, [],
                       ("", "time over the limit's" if is_limit else "over the calibration's"),
                       labelled=False)
    blocks = []
    for limit, held in by_limit.items():
        time = units.time(comparison.headline_of(results.benchmarks[limit]))
        blocks += [bars.Block(bars.name_lines(benchmark.name, style.INK),
                              [bars.Bar("", ratio, style.FASTER)],
                              heading=bars.name_lines(f"{limit}  {time}", style.MUTED))
                   for benchmark, ratio in held]
    legend = legend_of_marks(ratios)
    if is_limit:
        return Picture(
            "limits", "Beside what the machine can do",
            "Its time as a multiple of its limit's, the grey name above: 1 is as good as this "
            "machine allows, and shorter bars are better.",
            lambda width: bars.draw(blocks, scale, legend, width))
    return Picture(
        "calibrations", "In units of this machine's speed",
        "Its time as a multiple of a calibration's, a fixed piece of work: only good to compare "
        "with the same bar of another commit or machine.",
        lambda width: bars.draw(blocks, scale, legend, width))


def legend_of_marks(ratios):
    found = []
    if any(ratio.unstable for ratio in ratios):
        found.append(bars.swatch(
            style.LEVEL, f"* unstable: varies > {comparison.UNSTABLE_ABOVE:.0%}", unstable=True))
    if any(ratio.highest > ratio.lowest for ratio in ratios):
        found.append(bars.line_sample("lowest to highest repeat", linewidth=0.9, marker="|",
                                      markersize=4))
    return found


def throughput(results):
    series = comparison.series(results)
    if not series:
        return None
    return Picture(
        "throughput", "Throughput over threads",
        "Operations a second of all threads together, on a logarithmic scale: higher is better; "
        "shaded is what lies between the repeats, and a hollow mark is unstable.",
        lambda width: curves.throughput(series, width))


def latencies(results, scenarios):
    shown = sorted((scenario for scenario in scenarios
                    if samples_of(scenario.ours) >= FEWEST_SAMPLES),
                   key=lambda scenario: by_number(scenario.name))
    if not shown:
        return None
    limits_of = {}
    for scenario in shown:
        limit = results.benchmarks.get(comparison.limit_of(scenario.ours))
        # A calibration does other work: its latencies would stand for nothing here.
        if limit and limit.name.startswith("limit/"):
            limits_of[scenario.name] = limit
    return Picture(
        "latencies", "Latencies",
        "What so many per cent of the operations take at most: lower is better, and the further "
        f"right a line turns up, the rarer its slow operations are (scenarios of {FEWEST_SAMPLES} "
        "samples or more).",
        lambda width: curves.latencies(shown, limits_of, width))


def samples_of(benchmark):
    return sum(result["latency_ns"]["samples"] for result in benchmark.results())
