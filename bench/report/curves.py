"""Panels of curves: latencies by percentile, and throughput by number of threads."""

import math
import statistics

from matplotlib.lines import Line2D

from report import comparison, style, units

# In inches: a panel with the room for its labels, of which the rest is the axes.
PANEL_WIDTH, AXES_HEIGHT = 2.6, 1.2
LEFT, RIGHT, ABOVE, BELOW = 0.5, 0.12, 0.1, 0.4
LEGEND_ROW, TITLE_ROW = 0.22, 0.14
TITLE_CHARACTERS = 38
TICK_SIZE = 6.5


def panels(names, legend, width):
    """A figure with a legend, and an axes under each of these names."""
    count, titles = len(names), [units.wrapped(name, TITLE_CHARACTERS) for name in names]
    above = ABOVE + TITLE_ROW * max(map(len, titles))
    panel_height = above + AXES_HEIGHT + BELOW
    columns = max(1, min(count, int(width / PANEL_WIDTH)))
    panel_width = min(width / columns, 1.6 * PANEL_WIDTH)
    width = max(columns * panel_width, 3.6)
    rows = math.ceil(count / columns)
    per_row = max(1, int(width / 1.15))
    head = LEGEND_ROW * math.ceil(len(legend) / per_row) + 0.08
    height = head + rows * panel_height
    figure = style.new_figure(width, height)
    figure.legend(handles=legend, loc="upper left", bbox_to_anchor=(0, 1), ncol=per_row,
                  borderaxespad=0.1, handlelength=2.6, columnspacing=1.2)
    found = []
    for at, lines in enumerate(titles):
        left = at % columns * panel_width + LEFT
        bottom = head + at // columns * panel_height + above + AXES_HEIGHT
        axes = figure.add_axes([left / width, 1 - bottom / height,
                                (panel_width - LEFT - RIGHT) / width, AXES_HEIGHT / height])
        axes.annotate("\n".join(lines), (0, 1), (72 * (0.06 - LEFT), 6), xycoords="axes fraction",
                      textcoords="offset points", linespacing=1.15)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=TICK_SIZE, length=2, pad=2)
        axes.grid(True)
        axes.set_axisbelow(True)
        found.append(axes)
    return figure, found


def log_ticks(low, high, most=5):
    """Round numbers from low to high: 1, 2, 5, 10 ..., or fewer where that is too many."""
    first, last = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    for digits, step in [((1, 1.5, 2, 3, 5, 7), 1), ((1, 2, 5), 1), ((1, 3), 1), ((1,), 1),
                         ((1,), 2), ((1,), 3), ((1,), 4)]:
        found = [digit * 10.0 ** power for power in range(first, last + 1) if power % step == 0
                 for digit in digits if low <= digit * 10.0 ** power <= high * (1 + 1e-9)]
        if len(found) <= most:
            break
    return found


def set_log_y(axes, low, high, shown):
    axes.set_yscale("log")
    axes.set_ylim(low, high)
    ticks = log_ticks(low, high)
    axes.set_yticks(ticks, [shown(tick) for tick in ticks])
    axes.set_yticks([], minor=True)


def engine_line(engine):
    colour, marker, dashes = style.LINES[engine]
    return {"color": colour, "marker": marker, "linestyle": dashes,
            "linewidth": 2.2 if engine == "caisson" else 1.3,
            "zorder": 5 if engine == "caisson" else 3}


def legend_of(engines, markers, limit=False):
    handles = []
    for engine in [engine for engine in style.LABELS if engine in engines]:
        look = engine_line(engine)
        if not markers:
            look["marker"] = ""
        handles.append(Line2D([], [], label=style.LABELS[engine], markersize=4, **look))
    if limit:
        colour, _, dashes = style.LIMIT_LINE
        handles.append(Line2D([], [], label="limit", color=colour, linestyle=dashes, linewidth=1.5))
    return handles


def thinned(xs, ys, nearer=0.015):
    """Without the points that the eye can't tell from the one before, on logarithmic axes."""
    found = []
    for at, point in enumerate(zip(xs, ys)):
        here = [math.log10(value) for value in point]
        if not found or at == len(xs) - 1 or any(
                abs(a - b) >= nearer for a, b in zip(here, found[-1][1])):
            found.append((point, here))
    return [point[0] for point, _ in found], [point[1] for point, _ in found]


def latencies(scenarios, limits, width):
    """A panel a scenario. `limits`: of some scenarios, by name, the benchmark of the limit."""
    engines = {engine for scenario in scenarios for engine in [*scenario.peers, "caisson"]}
    figure, found = panels([scenario.name for scenario in scenarios],
                           legend_of(engines, markers=False, limit=bool(limits)), width)
    for axes, scenario in zip(found, scenarios):
        curves = [(engine_line(engine), benchmark) for engine, benchmark in
                  [("caisson", scenario.ours), *scenario.peers.items()]]
        if scenario.name in limits:
            colour, _, dashes = style.LIMIT_LINE
            curves.append(({"color": colour, "linestyle": dashes, "linewidth": 1.5, "zorder": 2},
                           limits[scenario.name]))
        draw_latencies(axes, [(dict(look, marker=""), benchmark) for look, benchmark in curves])
        # At the top left, where curves of percentiles leave room.
        axes.text(0.03, 0.98, remark_of([benchmark for _, benchmark in curves]),
                  transform=axes.transAxes, va="top", fontsize=TICK_SIZE, color=style.SLOWER_TEXT)
    return figure


def draw_latencies(axes, curves):
    most, low, high = 10, math.inf, 0
    for look, benchmark in curves:
        parts, latency = comparison.percentiles(benchmark)
        # A clock that is too coarse says 0, which has no logarithm.
        latency = [max(value, 0.1) for value in latency]
        xs, ys = thinned([1 / (1 - part) for part in parts], latency)
        axes.plot([1] + xs, ys[:1] + ys, solid_joinstyle="round", **look)
        most, low, high = max(most, xs[-1]), min(low, ys[0]), max(high, ys[-1])
    axes.set_xscale("log")
    axes.set_xlim(1, most * 1.05)
    decades = math.floor(math.log10(most) + 1e-9)
    step = 1 + (decades - 1) // 5
    ticks = [2.0] + [10.0 ** power for power in range(1, decades + 1, step)]
    axes.set_xticks(ticks, [percent(1 - 1 / tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    set_log_y(axes, low / 1.3, high * 1.6, lambda value: units.time(value, 2))


def percent(part):
    return f"{part * 100:.10g}%"


def remark_of(benchmarks):
    unstable = [style.LABELS.get(benchmark.engine, "limit") for benchmark in benchmarks
                if comparison.is_unstable(benchmark)]
    grouped = any(result["latency_ns"]["operations_per_sample"] > 1
                  for benchmark in benchmarks for result in benchmark.results())
    return "\n".join([f"* unstable: {', '.join(unstable)}"] * bool(unstable)
                     + ["of several operations each"] * grouped)


def throughput(series, width):
    """A panel a series, a line an engine; what lies between the repeats is shaded."""
    engines = {engine for lines in series.values() for engine in lines}
    figure, found = panels(list(series), legend_of(engines, markers=True), width)
    for axes, lines in zip(found, series.values()):
        low, high, threads = math.inf, 0, set()
        for engine, benchmarks in lines.items():
            xs = [comparison.threads_of(benchmark) for benchmark in benchmarks]
            rates = [[result["operations_per_second"] for result in benchmark.results()]
                     for benchmark in benchmarks]
            draw_throughput(axes, engine, xs, rates, benchmarks)
            low, high = min(low, *map(min, rates)), max(high, *map(max, rates))
            threads.update(xs)
        axes.set_xscale("log", base=2)
        axes.set_xticks(sorted(threads), [f"{value:g}" for value in sorted(threads)])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("threads", fontsize=TICK_SIZE, labelpad=1, color=style.MUTED)
        set_log_y(axes, low / 1.4, high * 1.4, lambda value: units.count(value, 2))
    return figure


def draw_throughput(axes, engine, threads, rates, benchmarks):
    look = engine_line(engine)
    marker = look.pop("marker")
    medians = [statistics.median(values) for values in rates]
    axes.fill_between(threads, list(map(min, rates)), list(map(max, rates)), color=look["color"],
                      alpha=0.2, linewidth=0)
    axes.plot(threads, medians, **look)
    for x, y, benchmark in zip(threads, medians, benchmarks):
        hollow = comparison.is_unstable(benchmark)
        axes.plot([x], [y], marker=marker, markersize=4.5, color=look["color"],
                  markerfacecolor=style.PAPER if hollow else look["color"], zorder=6)
