"""Numbers and names as short texts."""

import re


def wrapped(name, characters):
    """A name as lines that are no longer, broken behind a "/" or "_" where there is one."""
    lines = re.findall(rf".{{1,{characters - 3}}}(?:[/_]|$)|.{{1,{characters - 2}}}", name)
    return lines[:1] + ["  " + line for line in lines[1:]]


def time(nanoseconds, digits=3):
    """Such as 1.84 µs."""
    return scaled(nanoseconds, 1000, ["ns", "µs", "ms", "s"], digits)


def count(value, digits=3):
    """Such as 431 k."""
    return scaled(value, 1000, ["", "k", "M", "G", "T"], digits)


def size(value, digits=3):
    """Such as 16 KiB."""
    return scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"], digits)


def scaled(value, step, units, digits):
    if 0 < value < 0.001:
        return "< 0.001"
    at = 0
    # What rounds to a whole step is one of the next unit.
    while at + 1 < len(units) and float(f"{value:.{digits}g}") >= step:
        value, at = value / step, at + 1
    text = f"{value:.{digits}g}"
    if "e" in text:  # More digits before the point than wanted.
        text = f"{value:,.0f}"
    return f"{text} {units[at] if value else ''}".rstrip()


def ratio(value):
    """With about three digits, such as 0.60, 12.9 and 67.2 k."""
    if value < 0.0995:
        return f"{value:.2g}"
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else count(value)
