"""The figures as tables of a document, which is written anew around them."""

from report import comparison, style, units
from report.comparison import Outcome
from report.results import BadResults, PEERS, by_number

BEGIN = "<!-- figures: begin -->"
END = "<!-- figures: end -->"


def replaced(document, results, source):
    """A document with what stands between the marks replaced; `source` is its name, for errors."""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise BadResults(f"{source}: has no lines {BEGIN} and {END} to write between")
    return f"{head}{BEGIN}\n{figures(results)}\n{END}{tail}"


def figures(results):
    scenarios = comparison.scenarios(results)
    parts = [origin(results)]
    if scenarios:
        parts += [comparison.summary(scenarios, style.LABELS), peers(scenarios)]
    held = [(benchmark, ratio, name)
            for kind in comparison.LIMITS
            for name, pairs in comparison.limit_ratios(results, kind).items()
            for benchmark, ratio in pairs]
    if held:
        parts.append(limits(results, held))
    return "\n\n".join(parts)


def origin(results):
    machine, build = results.machine, results.build
    return (f"{machine['cpu']}, {machine['cores']} cores, "
            f"{units.size(machine['memory_bytes'])}, {machine['kernel']}, "
            f"{machine['file_system']} on {machine['disk']}; {build['compiler']}, commit "
            f"{build['commit'][:12]}{' and changes' if build['dirty'] else ''}.")


def peers(scenarios):
    """Ours and how many times as long the others take, by name."""
    engines = [engine for engine in PEERS if any(engine in each.ratios for each in scenarios)]
    lines = ["| scenario | Caisson | " + " | ".join(style.LABELS[each] for each in engines) + " |",
             "| --- | ---: |" + " ---: |" * len(engines)]
    for scenario in sorted(scenarios, key=lambda each: by_number(each.name)):
        cells = [f"`{scenario.name}`", units.time(comparison.headline_of(scenario.ours))]
        cells += [cell(scenario.ratios.get(engine)) for engine in engines]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(ratio):
    if ratio is None:
        return ""
    text = units.ratio(ratio.median) + ("*" if ratio.unstable else "")
    return f"**{text}**" if ratio.outcome is Outcome.SLOWER else text


def limits(results, held):
    """Ours beside what the machine can do."""
    lines = ["| benchmark | time | p99 | limit | its time | ratio |",
             "| --- | ---: | ---: | --- | ---: | ---: |"]
    for benchmark, ratio, name in sorted(held, key=lambda each: by_number(each[0].name)):
        p99 = comparison.median_of(benchmark, lambda result: result["latency_ns"]["p99"])
        limit = comparison.headline_of(results.benchmarks[name])
        text = units.ratio(ratio.median) + ("*" if ratio.unstable else "")
        lines.append(f"| `{benchmark.name}` | {units.time(comparison.headline_of(benchmark))} | "
                     f"{units.time(p99)} | `{name}` | {units.time(limit)} | {text} |")
    return "\n".join(lines)
