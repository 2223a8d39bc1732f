"""Build the web edition: python -m book [--out FOLDER]"""
import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from book import api, pages, shared
from book.words import FURO
from labkit import settings

HERE = Path(__file__).parent
LANGUAGES = ("en", "zh")


def sphinx(language: str, source: Path, out: Path) -> subprocess.Popen:
    """Start Sphinx for one language; a warning is an error."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", str(HERE),
               "-d", str(source.parent / f"doctrees-{language}"), str(source), str(out)]
    return subprocess.Popen(command, env={**os.environ, "LABKIT_LANGUAGE": language})


def build(out: Path, chapters: Path) -> int:
    """Build both languages into `out`, each by a process of its own. Returns 0, or 1 where Sphinx found fault."""
    source, pages_folder = out / "src", out / "html"
    for folder in (source, pages_folder):
        shutil.rmtree(folder, ignore_errors=True)
    for language in LANGUAGES:
        data = pages_folder / "shared" / language
        pages.write(language, chapters, source / language, data, f"../shared/{language}")
    api.write(source / "en" / "api")
    running = {language: sphinx(language, source / language, pages_folder / language) for language in LANGUAGES}
    shared.write(pages_folder / "shared")
    failed = [language for language, process in running.items() if process.wait()]
    for unread in ("jupyter_execute", "en/_sources", "zh/_sources"):
        shutil.rmtree(pages_folder / unread, ignore_errors=True)
    for language, texts in FURO.items():
        for page in (pages_folder / language).rglob("*.html"):
            page.write_text(_replaced(page.read_text(encoding="utf-8"), texts), encoding="utf-8")
    shutil.copy(HERE / "templates" / "landing.html", pages_folder / "index.html")
    return 1 if failed else 0


def _replaced(text: str, texts: dict[str, str]) -> str:
    for english, other in texts.items():
        text = text.replace(english, other)
    return text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m book", description="Build the web edition, offline.")
    root = settings.chapters_folder().parent
    parser.add_argument("--out", type=Path, default=root / "build" / "book", metavar="FOLDER",
                        help="where to write; build/book if not given")
    out = parser.parse_args(arguments).out.resolve()
    began = time.monotonic()
    try:
        failed = build(out, settings.chapters_folder())
    except pages.OutOfStep as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{out / 'html' / 'index.html'}: {time.monotonic() - began:.0f} s")
    return failed


if __name__ == "__main__":
    sys.exit(main())
