"""The report as one page of HTML that needs nothing else."""

import base64
import html

from report import comparison, style, units
from report.comparison import Outcome

COLOURS = {"ink": style.INK, "muted": style.MUTED, "faint": style.FAINT, "paper": style.PAPER,
           "band": style.BAND, "faster": style.FASTER, "level": style.LEVEL,
           "slower": style.SLOWER, "slower-text": style.SLOWER_TEXT,
           "slower-band": style.SLOWER_BAND}
BY_DAY = "".join(f"--{name}:{day};" for name, day in COLOURS.items())
BY_NIGHT = "".join(f"--{name}:{style.AT_NIGHT[day]};" for name, day in COLOURS.items())
SHEET = f"""
:root {{ color-scheme: light dark; {BY_DAY} }}
@media (prefers-color-scheme: dark) {{ :root {{ {BY_NIGHT} }} }}
""" + """* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 71rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans",
  sans-serif; overflow-wrap: anywhere; }
h1 { margin: 0 0 .75rem; font-size: 1.75rem; line-height: 1.2; }
h2 { margin: 3rem 0 .25rem; font-size: 1.25rem; }
.origin { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0;
  font-size: .875rem; }
.origin dt { color: var(--muted); } .origin dd { margin: 0; }
.score { display: flex; height: 2.25rem; gap: 3px; margin: 1.75rem 0 .75rem; font-weight: 600; }
.score div { display: flex; align-items: center; justify-content: center; min-width: 2.25rem;
  overflow: hidden; border-radius: 4px; color: #fff; }
.score .faster { background: #0072b2; } .score .level { background: #66707f; }
.score .slower { background: #b84d00; }
.key { display: flex; flex-wrap: wrap; gap: 0 1.25rem; margin: 0; font-size: .875rem;
  color: var(--muted); }
.key span::before { content: ""; display: inline-block; width: .7em; height: .7em;
  margin-right: .4em; border-radius: 2px; background: var(--colour); }
.summary { max-width: 48rem; font-size: 1.0625rem; }
.notes { margin: .75rem 0 0; padding-left: 1.2rem; font-size: .875rem; }
.remarks { max-width: 48rem; margin: 0; padding: .6rem 1rem .6rem 2rem; background: var(--band);
  border-left: 3px solid var(--slower); font-size: .875rem; }
nav { margin-top: 1.5rem; font-size: .9375rem; } a { color: var(--faster); }
figure { margin: 0; }
figcaption, .caption { max-width: 48rem; margin: 0 0 .75rem; color: var(--muted);
  font-size: .9375rem; }
figure img { display: block; max-width: 100%; height: auto; }
.table { overflow-x: auto; margin-top: .75rem; }
table { border-collapse: collapse; font-size: .78rem; font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .45rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--faint); }
thead th { vertical-align: bottom; color: var(--muted); font-weight: 600; }
th:first-child { position: sticky; left: 0; min-width: min(17rem, 40vw); background: var(--paper);
  text-align: left; font-weight: 400; white-space: normal; }
thead th:first-child { font-weight: 600; }
tbody tr.suite th { padding-top: 1.1rem; color: var(--muted); font-weight: 600; }
tr.slower th, tr.slower td { background: var(--slower-band); }
tr.slower th, td.slower, td.unstable { color: var(--slower-text); font-weight: 600; }
@media (max-width: 50rem) { body { padding: 1rem .75rem 3rem; } h1 { font-size: 1.4rem; }
  .origin { grid-template-columns: 1fr; gap: 0; } .origin dd { margin-bottom: .35rem; } }
@media print { .table { overflow: visible; } table { font-size: .6rem; } }
"""


def page(title, notes, results, shown):
    """`notes`: lines of text. `shown`: each Picture with its SVGs, the wide one and the narrow one."""
    scenarios = comparison.scenarios(results)
    parts = [f"<h1>{escape(title)}</h1>", origin(results), list_of(notes, "notes"),
             score(scenarios),
             f'<p class="summary">{escape(comparison.summary(scenarios, style.LABELS))}</p>']
    parts.append(list_of(comparison.remarks(results), "remarks"))
    sections = [(picture.name, picture.title) for picture, _, _ in shown]
    sections.append(("table", TABLE_TITLE))
    links = " · ".join(f'<a href="#{name}">{escape(text)}</a>' for name, text in sections)
    parts.append(f"<nav>{links}</nav>")
    parts += [figure(*picture) for picture in shown]
    parts.append(table(results, scenarios))
    body = "\n".join(part for part in parts if part)
    return ('<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{SHEET}</style>\n</head>\n"
            f"<body>\n{body}\n</body>\n</html>\n")


def escape(text):
    return html.escape(str(text))


def list_of(lines, kind):
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{items}</ul>' if lines else ""


def origin(results):
    """Of which machine, commit and day the figures are."""
    machine, build = results.machine, results.build
    changed = ", with changes that are in no commit" if build["dirty"] else ""
    days = sorted({moment[:10] for moment in results.started})
    repeats = sorted({len(b.repeats) for b in results.benchmarks.values()})
    facts = {
        "Machine": f"{machine['cpu']}, {comparison.plural(machine['cores'], 'core')}, "
                   f"{units.size(machine['memory_bytes'])} of memory, {machine['architecture']}",
        "System": f"{machine['kernel']}; {machine['file_system']} on {machine['disk']}; "
                  f"governor: {machine['governor']}",
        "Commit": f"{build['commit'][:12]}{changed} (version {build['version']})",
        "Build": f"{build['compiler']}, {build['build_type']}, {build['flags']}",
        "Measured": f"{' to '.join([days[0]] + days[1:][-1:])}, profile {results.profile}, "
                    f"{' to '.join(map(str, [repeats[0]] + repeats[1:][-1:]))} repeats of "
                    f"{comparison.plural(len(results.benchmarks), 'benchmark')}"}
    rows = "".join(f"<dt>{name}</dt><dd>{escape(fact)}</dd>" for name, fact in facts.items())
    return f'<dl class="origin">{rows}</dl>'


def score(scenarios):
    """How many scenarios end how, as one bar."""
    texts = {Outcome.FASTER: "faster than every peer", Outcome.LEVEL: "level with the best peer",
             Outcome.SLOWER: "slower than the best peer"}
    count = {kind: sum(s.worst.outcome is kind for s in scenarios) for kind in texts}
    if not scenarios:
        return ""
    bar = "".join(f'<div class="{kind.value}" style="flex-grow:{count[kind]}">{count[kind]}</div>'
                  for kind in texts if count[kind])
    key = "".join(f'<span style="--colour:var(--{kind.value})">{count[kind]} {texts[kind]}</span>'
                  for kind in texts)
    return f'<div class="score" aria-hidden="true">{bar}</div><p class="key">{key}</p>'


def figure(picture, wide, narrow):
    title, caption = escape(picture.title), escape(picture.caption)
    return (f'<h2 id="{picture.name}">{title}</h2>\n<figure><figcaption>{caption}</figcaption>\n'
            f'<picture><source media="(max-width: 50rem)" srcset="{data(narrow)}">'
            f'<img src="{data(wide)}" alt="{caption} The table at the end has the figures.">'
            "</picture></figure>")


def data(svg):
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


TABLE_TITLE = "Every benchmark"
COLUMNS = ["benchmark", "headline", "CoV", "best peer", "limit", "p50", "p99", "ops/s", "syncs",
           "allocs", "written", "peak RSS"]
HEADLINES = {"median": "p50", "wall": "wall", "processor": "CPU"}
TABLE_CAPTION = (
    "Medians of the repeats. Headline: the time of one operation that stands for the benchmark, "
    "the clock's (wall) or the processor's (CPU) divided by the operations, or their median (p50). "
    "CoV: its coefficient of variation between repeats; * marks what is unstable, above "
    f"{comparison.UNSTABLE_ABOVE:.0%}. Best peer: how many times as fast Caisson is. Limit: the "
    "headline as a multiple of the limit's, or of a calibration's (cal.). Syncs, allocations and "
    "what is written are for one operation.")


def table(results, scenarios):
    by_ours = {scenario.ours.name: scenario for scenario in scenarios}
    rows, suite = [], None
    for benchmark in results.benchmarks.values():
        if benchmark.suite != suite:
            suite = benchmark.suite
            rows.append(f'<tr class="suite"><th scope="rowgroup">{suite}</th>'
                        f'<td colspan="{len(COLUMNS) - 1}"></td></tr>')
        rows.append(row(results, benchmark, by_ours.get(benchmark.name)))
    heads = "".join(f'<th scope="col">{column}</th>' for column in COLUMNS)
    return (f'<h2 id="table">{TABLE_TITLE}</h2>\n<p class="caption">{TABLE_CAPTION}</p>\n'
            f'<div class="table" tabindex="0" role="region" aria-label="{TABLE_TITLE}"><table>'
            f"<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(rows)
            + "\n</tbody></table></div>")


def row(results, benchmark, scenario):
    """`scenario`: where the benchmark is Caisson's side of one."""
    behind = scenario is not None and scenario.worst.outcome is Outcome.SLOWER
    cells = [headline_cell(benchmark), variation_cell(benchmark), peer_cell(scenario),
             limit_cell(results, benchmark)] + figure_cells(benchmark)
    text = "".join(f"<td{' class=' + kind if kind else ''}>{escape(cell)}</td>"
                   for cell, kind in cells)
    return (f"<tr{' class=slower' if behind else ''}><th scope=\"row\" "
            f'title="{escape(benchmark.about["about"])}">{breakable(benchmark.name)}</th>'
            f"{text}</tr>")


# Each cell: its text, and its class or "".
def headline_cell(benchmark):
    kind = HEADLINES[benchmark.about["headline"]]
    return f"{units.time(comparison.headline_of(benchmark))} {kind}", ""


def variation_cell(benchmark):
    found = comparison.variation_of(benchmark)
    if found is None:
        return "–", ""
    return (f"{found:.1%}*", "unstable") if comparison.is_unstable(benchmark) else \
        (f"{found:.1%}", "")


def peer_cell(scenario):
    if scenario is None:
        return "–", ""
    text = f"{ratio_text(scenario.worst)} {style.LABELS[scenario.best_peer]}"
    if scenario.worst.outcome is Outcome.SLOWER:
        return f"▼ {text}", "slower"
    return text, ""


def limit_cell(results, benchmark):
    ratio = comparison.limit_ratio(results, benchmark)
    if ratio is None:
        return "–", ""
    is_limit = comparison.limit_of(benchmark).startswith("limit/")
    return ratio_text(ratio) + ("" if is_limit else " cal."), ""


def figure_cells(benchmark):
    def median(*path):
        def figure_of(result):
            for name in path:
                result = result[name]
            return result
        return comparison.median_of(benchmark, figure_of)

    return [(units.time(median("latency_ns", "p50")), ""),
            (units.time(median("latency_ns", "p99")), ""),
            (units.count(median("operations_per_second")), ""),
            (units.count(median("per_operation", "syncs")), ""),
            (units.count(median("per_operation", "allocations")), ""),
            (units.size(median("per_operation", "bytes_written")), ""),
            (units.size(median("peak_rss_bytes")), "")]


def breakable(name):
    return escape(name).replace("/", "/<wbr>").replace("_", "_<wbr>")


def ratio_text(ratio):
    return units.ratio(ratio.median) + ("*" if ratio.unstable else "")
