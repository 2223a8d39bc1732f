"""Measure speed and write the report: `make bench`, or `python -m benchmarks [--quick] [PART ...]`.

The whole takes about five minutes on two idle cores and replaces benchmarks/RESULTS.md; with --quick, or for
some parts only, the report is printed and written below build/ instead. Raw numbers go to build/bench.json.
"""
import argparse
import json
import os
import sys
from importlib.metadata import version

from benchmarks.kernel import ROOT
from benchmarks.parts import FULL, PARTS, QUICK
from benchmarks.report import markdown
from labkit.record import surroundings

WIDGETS = ("ipykernel", "ipywidgets", "anywidget")


def about(arguments: list[str]) -> dict[str, str]:
    """Where and how this was measured, in words."""
    import torch
    where = surroundings()
    versions = {**where["versions"], **{name: version(name) for name in WIDGETS}}
    facts = {"command": " ".join(["python -m benchmarks", *arguments]), "date": where["date"],
             "commit": where["commit"], "machine": where["machine"],
             "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
             "torch's own number of threads": str(torch.get_num_threads())}
    if hasattr(os, "getloadavg"):
        facts["load before"] = f"{os.getloadavg()[0]:.2f} (mean of the last minute; 0 is an idle machine)"
    return facts


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a few steps of each, to see that all of it works")
    options = parser.parse_args(arguments)
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"part = {name!r} cannot be used. Allowed: {', '.join(PARTS)}.")
    os.environ.pop("LABKIT_THREADS", None)      # a run that may choose its threads is what is measured
    facts, parts, raw = about(arguments), [], {}
    for name in options.parts or PARTS:
        print(f"{name} ...", flush=True)
        part, raw[name] = PARTS[name](QUICK if options.quick else FULL)
        parts.append(part)
    if options.quick:
        facts["quick"] = "a few steps of each, to see that all of it works; too few to judge by"
    whole = not (options.quick or options.parts)
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    page = ROOT / "benchmarks" / "RESULTS.md" if whole else build / "bench.md"
    page.write_text(markdown(parts, facts), encoding="utf-8")
    (build / "bench.json").write_text(json.dumps({"about": facts, "parts": raw}, indent=1) + "\n", encoding="utf-8")
    print(page.read_text(encoding="utf-8"))
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
