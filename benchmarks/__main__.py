"""Measure speed and write the report: `make bench`, or `python -m benchmarks [--quick] [PART ...]`.

The whole takes about a quarter of an hour on two idle cores and replaces benchmarks/RESULTS.md; with --quick, or for
some parts only, the report is printed and written below build/ instead. Raw numbers go to build/bench.json.
"""
import argparse
import json
import os
import sys
from importlib.metadata import version

from benchmarks.kernel import ROOT
from benchmarks.parts import FULL, PARTS, QUICK, machine
from benchmarks.report import Part, markdown
from benchmarks.timing import pace
from labkit.record import surroundings

WIDGETS = ("ipykernel", "ipywidgets", "anywidget")


def about(program: str, arguments: list[str]) -> dict[str, str]:
    """Where and how this was measured, in words."""
    import torch
    where = surroundings()
    versions = {**where["versions"], **{name: version(name) for name in WIDGETS}}
    facts = {"command": " ".join([program, *arguments]), "date": where["date"],
             "commit": where["commit"], "machine": where["machine"],
             "versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
             "torch's own number of threads": str(torch.get_num_threads())}
    if hasattr(os, "getloadavg"):
        facts["load before"] = f"{os.getloadavg()[0]:.2f} (mean of the last minute; 0 is an idle machine)"
    return facts


def asked(program: str, purpose: str, kind: str, known, arguments: list[str]) -> argparse.Namespace:
    """The command line: `names` of the kind that is measured, all of them if none is named, and `quick`."""
    parser = argparse.ArgumentParser(prog=program, description=purpose.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar=kind.upper(), help=f"only these: {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="a few steps of each, to see that all of it works")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in known:
            parser.error(f"{kind} = {name!r} cannot be used. Allowed: {', '.join(known)}.")
    options.whole = not (options.quick or options.names)
    options.names = options.names or list(known)
    os.environ.pop("LABKIT_THREADS", None)      # a run that may choose its threads is what is measured
    return options


def publish(parts: list[Part], facts: dict, raw: dict, page: str, stem: str, options: argparse.Namespace) -> None:
    """Write `page` beside this module if all was measured, else build/`stem`.md; raw numbers: build/`stem`.json."""
    if options.quick:
        facts["quick"] = "a few steps of each, to see that all of it works; too few to judge by"
    build = ROOT / "build"
    build.mkdir(exist_ok=True)
    target = ROOT / "benchmarks" / page if options.whole else build / f"{stem}.md"
    target.write_text(markdown(parts, facts), encoding="utf-8")
    (build / f"{stem}.json").write_text(json.dumps({"about": facts, "parts": raw}, indent=1) + "\n", encoding="utf-8")
    print(target.read_text(encoding="utf-8"))
    print(target)


def main(arguments: list[str]) -> int:
    options = asked("python -m benchmarks", __doc__, "part", PARTS, arguments)
    facts, parts, raw = about("python -m benchmarks", arguments), [], {}
    size, paces = QUICK if options.quick else FULL, {}
    for name in options.names:
        print(f"{name} ...", flush=True)
        paces[f"before {name}"] = pace(size.pace_seconds)
        part, raw[name] = PARTS[name](size)
        parts.append(part)
    paces["at the end"] = pace(size.pace_seconds)
    parts.append(machine(paces))
    raw["machine"] = paces
    publish(parts, facts, raw, "RESULTS.md", "bench", options)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
