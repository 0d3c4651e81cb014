"""Lists of bars on a scale of ratios, in as many columns as there is room for.

A list is made of blocks, which stay together. Names stand above their bars, so that long ones need
no margin, and every bar has its number at the right.
"""

import dataclasses
import math

from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from report import style, units

# In inches.
COLUMN_WIDTH, COLUMN_GAP, EDGE = 3.2, 0.3, 0.12
ROW, BLOCK_GAP, AXIS_ROOM, LEGEND_ROW = 0.168, 0.1, 0.42, 0.2
LABEL_ROOM, VALUE_ROOM = 0.76, 0.48
NAME_CHARACTERS = 46  # What a column has room for.
SHORT = 20  # Blocks are spread over columns where one would be longer than so many rows.


@dataclasses.dataclass
class Bar:
    label: str  # At its left, or empty.
    ratio: object  # comparison.Ratio
    colour: str
    stands_out: bool = False


@dataclasses.dataclass
class Block:
    names: list  # Pairs of a line above its bars, and its colour.
    bars: list
    stands_out: bool = False
    # Lines above the names, shown once for the blocks in a column that follow one another and
    # have the same.
    heading: list = dataclasses.field(default_factory=list)

    @property
    def height(self):
        return ROW * (len(self.names) + len(self.bars)) + BLOCK_GAP


def with_headings(column):
    """The column's blocks, their headings made names where they are to be shown."""
    before = [[]] + [block.heading for block in column]
    return [dataclasses.replace(
        block, names=(block.heading if block.heading != last else []) + block.names, heading=[])
            for block, last in zip(column, before)]


def height_of(column):
    return sum(block.height for block in with_headings(column))


@dataclasses.dataclass
class Scale:
    lowest: float  # Bars that go on beyond are cut off there.
    highest: float
    ticks: list
    lines: list  # Pairs of a ratio and its line style, besides the one at 1.
    sides: tuple  # What it means to be left and right of 1.
    labelled: bool  # Whether bars have labels.


def name_lines(name, colour):
    return [(line, colour) for line in units.wrapped(name, NAME_CHARACTERS)]


def ratio_scale(ratios, least, most):
    """The range of these ratios, rounded up to powers of two or ten and kept in these bounds, and
    its ticks."""
    lowest = max(least, min(0.5, min(ratio.median for ratio in ratios)))
    highest = min(most, max(4, max(ratio.median for ratio in ratios)))
    base = 2 if highest / lowest <= 2 ** 9 else 10
    first = math.floor(math.log(lowest, base) + 1e-9)
    last = math.ceil(math.log(highest, base) - 1e-9)
    step = 1 + (last - first) // 9
    ticks = [float(base) ** power for power in range(first, last + 1) if power % step == 0]
    return float(base) ** first, float(base) ** last, ticks


def draw(blocks, scale, legend, width):
    """`legend`: handles of matplotlib."""
    most_columns = max(1, int((width + COLUMN_GAP) / (COLUMN_WIDTH + COLUMN_GAP)))
    columns = [with_headings(column) for column in spread(blocks, most_columns)]
    column_width = min(width / len(columns) - COLUMN_GAP * (len(columns) > 1), 1.4 * COLUMN_WIDTH)
    width = len(columns) * column_width + (len(columns) - 1) * COLUMN_GAP
    per_row = max(1, int(width / 1.75))
    head = LEGEND_ROW * math.ceil(len(legend) / per_row) + 0.1
    tallest = max(map(height_of, columns))
    height = head + AXIS_ROOM + tallest + 0.08
    figure = style.new_figure(width, height)
    figure.legend(handles=legend, loc="upper left", bbox_to_anchor=(0, 1), ncol=per_row,
                  borderaxespad=0.1, handlelength=1.8, columnspacing=1.4)
    label_room = LABEL_ROOM if scale.labelled else 0.04
    for at, column in enumerate(columns):
        tall = height_of(column)
        left = at * (column_width + COLUMN_GAP) + EDGE + label_room
        wide = column_width - 2 * EDGE - label_room - VALUE_ROOM
        axes = figure.add_axes([left / width, 1 - (head + AXIS_ROOM + tall) / height,
                                wide / width, tall / height])
        set_up(axes, scale, wide, tall)
        y = 0
        for block in column:
            draw_block(axes, block, scale, y, wide, label_room)
            y += block.height
    return figure


def spread(blocks, most_columns):
    """In order, over columns as short as can be."""
    total = height_of(blocks)
    wanted = min(most_columns, math.ceil(total / (SHORT * ROW)))
    room = total / wanted
    while len(columns := filled(blocks, room)) > wanted:
        room += ROW
    return columns


def filled(blocks, room):
    columns = [[]]
    for block in blocks:
        if columns[-1] and height_of(columns[-1] + [block]) > room:
            columns.append([])
        columns[-1].append(block)
    return columns


def set_up(axes, scale, wide, tall):
    """One column: y counts inches from its top down."""
    axes.set_xscale("log")
    axes.set_xlim(scale.lowest, scale.highest)
    axes.set_ylim(tall, 0)
    axes.set_yticks([])
    axes.set_xticks(scale.ticks, [tick_label(tick) for tick in scale.ticks])
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False, length=0,
                     pad=1, labelsize=6.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for text, side, alignment in zip(scale.sides, (-1, 1), ("right", "left")):
        axes.annotate(text, (1, 1), (side * 4, 12), xycoords=("data", "axes fraction"),
                      textcoords="offset points", ha=alignment, va="bottom", fontsize=7,
                      color=style.INK)


def tick_label(ratio):
    if ratio >= 1:
        return units.count(ratio)
    return f"1/{units.count(1 / ratio)}"


def draw_block(axes, block, scale, top, wide, label_room):
    inch = 1 / wide  # As a part of the axes' width.
    left, right = -(label_room + EDGE / 2) * inch, 1 + (VALUE_ROOM + EDGE / 2) * inch
    if block.stands_out:
        axes.add_patch(Rectangle((left, top), right - left, block.height - BLOCK_GAP / 2,
                                 transform=axes.get_yaxis_transform(), clip_on=False,
                                 facecolor=style.SLOWER_BAND, edgecolor="none", zorder=0.1))
    y = top + 0.01
    for text, colour in block.names:
        axes.text(-label_room * inch, y + ROW / 2, text, transform=axes.get_yaxis_transform(),
                  va="center_baseline", color=colour,
                  fontweight="bold" if block.stands_out else "normal")
        y += ROW
    draw_rulers(axes, scale, y, y + ROW * len(block.bars))
    for bar in block.bars:
        draw_bar(axes, bar, scale, y + ROW / 2, inch)
        y += ROW


def draw_rulers(axes, scale, top, bottom):
    """Behind and before the bars of one block; names stay free of them."""
    axes.vlines(scale.ticks, top, bottom, color=style.FAINT, linewidth=0.6, zorder=1)
    for ratio, dashes in scale.lines:
        axes.vlines(ratio, top, bottom, color=style.INK, linewidth=0.8, linestyle=dashes, zorder=4)
    axes.vlines(1, top, bottom, color=style.INK, linewidth=1.1, zorder=4)


def draw_bar(axes, bar, scale, y, inch):
    def within(ratio):
        return min(max(ratio, scale.lowest), scale.highest)

    ratio = bar.ratio
    end = within(ratio.median)
    axes.barh(y, end - 1, 0.62 * ROW, left=1, color=bar.colour, zorder=2,
              edgecolor=style.PAPER, linewidth=0, hatch="//////" if ratio.unstable else None)
    if ratio.highest > ratio.lowest:
        axes.plot([within(ratio.lowest), within(ratio.highest)], [y, y], color=style.INK,
                  linewidth=0.9, marker="|", markersize=3.6, zorder=5)
    if end != ratio.median:
        axes.plot([end], [y], marker=">" if ratio.median > 1 else "<", color=bar.colour,
                  markersize=5, clip_on=False, zorder=6)
    weight = "bold" if bar.stands_out else "normal"
    colour = style.SLOWER_TEXT if bar.stands_out else style.INK
    across = axes.get_yaxis_transform()
    if bar.label:
        axes.text(-0.07 * inch, y, bar.label, transform=across, ha="right", va="center_baseline",
                  fontsize=7, fontweight=weight,
                  color=colour if bar.stands_out else style.MUTED)
    axes.text(1 + 0.09 * inch, y, f"{units.ratio(ratio.median)}{'*' if ratio.unstable else ''}",
              transform=across, va="center_baseline", fontsize=7, fontweight=weight, color=colour)


def swatch(colour, text, unstable=False):
    return Patch(facecolor=colour, edgecolor=style.PAPER, linewidth=0, label=text,
                 hatch="//////" if unstable else None)


def line_sample(text, **look):
    return Line2D([], [], color=style.INK, label=text, **look)
