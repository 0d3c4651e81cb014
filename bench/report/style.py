"""How pictures look: their colours by day and by night, and the engines.

Everything is drawn in the colours of the day. An SVG then learns those of the night: each colour
becomes a variable of its style sheet, which asks the reader's browser. So a colour has to mean the
same wherever it is used. All are told apart by colour-blind eyes (after Okabe and Ito), and none
speaks alone: lines have markers or dashes as well, bars their numbers.
"""

import io
import re

import matplotlib.style
from matplotlib.figure import Figure

INK, MUTED, FAINT = "#1f2430", "#5d6675", "#cfd5dd"
PAPER, BAND = "#ffffff", "#f3f5f8"
FASTER, LEVEL, SLOWER = "#0072b2", "#8b93a0", "#d55e00"
SLOWER_BAND, SLOWER_TEXT = "#fdeadd", "#a84300"
AT_NIGHT = {INK: "#e4e8ee", MUTED: "#9aa5b5", FAINT: "#303944", PAPER: "#14181f", BAND: "#1c222b",
            FASTER: "#4fb0ea", LEVEL: "#7c8694", SLOWER: "#ff8a3d", SLOWER_BAND: "#3a2416",
            SLOWER_TEXT: "#ffab70", "#e69f00": "#f2b632", "#009e73": "#2ccb9c",
            "#b0568a": "#e79cc8", "#7a5230": "#c99a6e"}

# Of each engine: its name, colour, marker and dashes. Caisson has the colour of "faster".
LABELS = {"caisson": "Caisson", "lmdb": "LMDB", "sqlite": "SQLite", "rocksdb": "RocksDB",
          "wiredtiger": "WiredTiger"}
LINES = {"caisson": (FASTER, "o", "-"), "lmdb": ("#e69f00", "s", (0, (6, 1.5))),
         "sqlite": ("#009e73", "^", (0, (3, 1))), "rocksdb": ("#7a5230", "D", (0, (5, 1, 1, 1))),
         "wiredtiger": ("#b0568a", "v", (0, (2, 1, 1, 1)))}
LIMIT_LINE = (MUTED, "", (0, (1, 1.2)))

FONT_SIZE = 8
RULES = {
    "font.family": "DejaVu Sans", "font.size": FONT_SIZE, "text.color": INK, "axes.labelcolor": INK,
    "xtick.color": MUTED, "ytick.color": MUTED, "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED, "axes.edgecolor": FAINT, "axes.facecolor": "none",
    "figure.facecolor": PAPER, "axes.linewidth": 0.8, "grid.color": FAINT, "grid.linewidth": 0.6,
    "axes.titlesize": FONT_SIZE, "axes.titlelocation": "left", "legend.frameon": False,
    "hatch.linewidth": 1.4, "svg.fonttype": "path", "svg.hashsalt": "caisson", "savefig.dpi": 144,
}


def rules():
    """The context in which everything is drawn, whatever the user's own settings are."""
    return matplotlib.style.context(["default", RULES])


def new_figure(width, height):
    """Of a size in inches. Not of pyplot: no window, nothing kept behind our back."""
    return Figure(figsize=(width, height))


def png(figure):
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


def svg(figure):
    """As text that looks right by day and by night, with the page showing through."""
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True,
                   metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    by_day = "".join(f"--{day[1:]}:{day};" for day in AT_NIGHT)
    by_night = "".join(f"--{day[1:]}:{night};" for day, night in AT_NIGHT.items())
    sheet = (f"<style>:root{{{by_day}}}"
             f"@media (prefers-color-scheme:dark){{:root{{{by_night}}}}}</style>")
    text = re.sub(r"#[0-9a-f]{6}\b",
                  lambda match: f"var(--{match[0][1:]})" if match[0] in AT_NIGHT else match[0],
                  text)
    # A hundredth of a point is finer than any screen.
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), text)
    # Behind the opening tag, which is the first one that is neither a declaration nor a comment.
    return re.sub(r"(<svg\b[^>]*>)", lambda match: match[0] + sheet, text, count=1)
