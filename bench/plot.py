#!/usr/bin/python3
"""Draws what caisson-bench measured: a report of one page, and its pictures.

DIR is a folder of results, as caisson-bench writes it: a JSON file for each repeat, as
results.schema.json says. Several become one report if they are of one machine and one build.
OUT gets report.html, which needs no other file, and its pictures as PNG.
"""

import argparse
import os
import pathlib
import sys

from report import results

EPILOG = """examples:
  bench/plot.py results --out report
  bench/plot.py results/store results/peers --out report --title 'Caisson on a laptop'

Exits with 0 when the report is written; with 2 when it was called wrongly, or a file is no result,
of which it names the field; with 5 when it could not write. No file is ever half written, and a
report that was there before stays until the new one is complete.
"""


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", metavar="DIR", nargs="+", help="a folder of results")
    parser.add_argument("--out", metavar="OUT", required=True, type=pathlib.Path,
                        help="the folder of the report; made where there is none")
    parser.add_argument("--title", metavar="T", default="Caisson's benchmarks",
                        help="what stands above it (default: %(default)s)")
    parser.add_argument("--note", metavar="TEXT", action="append", default=[],
                        help="a line below that, such as what else was run; may be repeated")
    parser.add_argument("--into", metavar="DOCUMENT", type=pathlib.Path,
                        help="write tables into this Markdown as well, between its marks")
    options = parser.parse_args(arguments)
    if options.out.exists() and not options.out.is_dir():
        return fail(2, f"{options.out}: is no folder")
    try:
        read = results.read(options.folders)
        document = None
        if options.into:
            # Before anything is written: it may have no marks.
            from report import markdown
            text = options.into.read_text(encoding="utf-8")
            document = markdown.replaced(text, read, options.into)
        files, names = drawn(read, options.title, options.note)
        write(options.out, files)
        if document is not None:
            write(options.into.parent, {options.into.name: document.encode()})
        # A picture of an earlier report would seem to be one of this.
        for name in names - files.keys():
            (options.out / name).unlink(missing_ok=True)
    except results.BadResults as error:
        return fail(2, error)
    except ModuleNotFoundError as error:
        if error.name != "matplotlib":
            raise
        return fail(2, "matplotlib is missing; install python3-matplotlib (tools/setup.sh bench)")
    except OSError as error:
        return fail(5, f"{error.filename or options.out}: {error.strerror}")
    except KeyboardInterrupt:
        return fail(130, "stopped; nothing is written")
    print(f"wrote {options.out / 'report.html'} and {len(files) - 1} pictures")
    return 0


def fail(code, problem):
    print(f"plot.py: {problem}", file=sys.stderr)
    return code


def drawn(read, title, notes):
    """The content of each file by its name, the report last; and the names that pictures have."""
    # Only here: what is wrong with the results can be told without matplotlib.
    from report import page, pictures, style
    files, shown = {}, []
    with style.rules():
        for picture in pictures.all_of(read):
            wide = picture.draw(pictures.WIDE)
            files[f"{picture.name}.png"] = style.png(wide)
            shown.append((picture, style.svg(wide), style.svg(picture.draw(pictures.NARROW))))
    files["report.html"] = page.page(title, notes, read, shown).encode("utf-8", "replace")
    return files, {f"{name}.png" for name in pictures.NAMES}


def write(folder, files):
    """All of them, or none: under other names first, then each under its own."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    waiting = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            waiting[name] = folder / f".{name}.{os.getpid()}"
            waiting[name].write_bytes(content)
        for name, path in waiting.items():
            path.replace(folder / name)
    except BaseException:
        for path in waiting.values():
            path.unlink(missing_ok=True)
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        raise


if __name__ == "__main__":
    sys.exit(main())
