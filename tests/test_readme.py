"""The two READMEs say the same: section by section the same commands, code, links, rows of tables and numbers."""
import re
from itertools import zip_longest
from pathlib import Path

import pytest

from labkit import lint_zh

ROOT = Path(__file__).resolve().parent.parent
OTHER = {"README.md": "README.zh.md", "README.zh.md": "README.md"}
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
ADDRESS = re.compile(r"(?<=\]\()[^)\s]+")
NUMBER = re.compile(r"\d[\d,.]*\d|\d")


def sections(page: str) -> dict[str, str]:
    """What stands below each heading; a heading within a block of code is none."""
    hidden = BLOCK.sub(lambda block: block[0].replace("\n#", "\n\0#"), page)
    parts = re.split(r"^(#+ .*)$", hidden, flags=re.MULTILINE)
    return {heading: text.replace("\0", "") for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


def commands(section: str) -> list[str]:
    """The lines of its blocks of code, without what is said of them: two spaces or more come before that."""
    lines = "\n".join(BLOCK.findall(section)).splitlines()
    return [command for line in lines if not line.startswith("```") and (command := re.split(r"\s{2,}", line)[0])]


def facts(section: str) -> dict[str, list[str]]:
    """What does not depend on the language."""
    prose = BLOCK.sub("", section)
    words = ADDRESS.sub("", prose)
    links = [re.sub(r"[._]zh(?=\.)", "", link) for link in ADDRESS.findall(prose)]     # README.zh.md is README.md's
    return {"commands": commands(section), "code": sorted(re.findall(r"`([^`]+)`", words)), "links": sorted(links),
            "rows of tables": [str(len(re.findall(r"^\|", prose, re.MULTILINE)))],
            "steps of lists": re.findall(r"^(\d+\.|-) ", prose, re.MULTILINE),
            "numbers": sorted(number.replace(",", "") for number in NUMBER.findall(re.sub(r"`[^`]+`", "", words)))}


def differences(english: str, chinese: str) -> list[str]:
    """What one has and the other has not, and where."""
    found = []
    for (heading, here), (its, there) in zip_longest(sections(english).items(), sections(chinese).items(),
                                                     fillvalue=("nothing", "")):
        ours, theirs = facts(here), facts(there)
        if heading.count("#") != its.count("#"):
            found.append(f"{heading} stands beside {its}")
        for kind in ours:
            for page, one, other in ("English", ours, theirs), ("Chinese", theirs, ours):
                if only := _less(one[kind], other[kind]):
                    found.append(f"{heading} | {its}: {kind} only in {page}: {', '.join(only)}")
    return found


def _less(one: list[str], other: list[str]) -> list[str]:
    rest = list(other)
    return [item for item in one if item not in rest or rest.remove(item)]


def test_both_say_the_same():
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in OTHER]
    assert not differences(*pages), "\n".join(differences(*pages))


@pytest.mark.parametrize("name", OTHER)
def test_every_picture_is_there_and_has_its_words(name):
    page = (ROOT / name).read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="([^"]+)"[^>]* alt="([^"]+)"', page)
    assert len(pictures) == page.count("<img") == 11 and all(words for _file, words in pictures)
    for file in [file for file, _words in pictures] + re.findall(r'srcset="([^"]+)"', page):
        assert (ROOT / file).stat().st_size > 1000, file


def test_each_leads_to_the_other_first():
    for name, other in OTHER.items():
        title, line = (ROOT / name).read_text(encoding="utf-8").split("\n\n")[:2]
        assert title.startswith("# ") and ADDRESS.findall(line) == [other]


def test_the_chinese_is_written_as_the_chapters_are():
    english, chinese = (sections((ROOT / name).read_text(encoding="utf-8")) for name in OTHER)
    tag = re.compile(r"<[^>]+>")        # whose quotation marks are HTML's
    pairs = {heading: (tag.sub("", english[heading]), tag.sub("", text))
             for heading, text in zip(english, chinese.values(), strict=True)}
    terms = lint_zh.terms(ROOT / "chapters" / "zh" / "terms.md")
    # What a README calls a token is Jupyter's, for logging in.
    assert lint_zh.findings(pairs, [term for term in terms if term.english != "token"]) == []


ENGLISH = ("# A\n\n[other](README.zh.md)\n\n## B\n\nIn 12,000 `cases`.\n\n"
           "```\nmake run        # all\n```\n\n| a |\n|---|\n")
CHINESE = ("# 甲\n\n[other](README.md)\n\n## 乙\n\n`cases`有12000例。\n\n"
           "```\nmake run        # 全部\n```\n\n| 甲 |\n|---|\n")


@pytest.mark.parametrize("old, new, said", [
    ("", "", ""), ("12,000", "12,001", "numbers"), ("`cases`", "cases", "code"), ("make run", "make test", "commands"),
    ("|---|\n", "|---|\n| b |\n", "rows"), ("README.zh.md", "docs", "links"), ("## B", "### B", "stands beside"),
    ("# all", "# everything", ""), ("```\n\n|", "```\n\n## C\n\n|", "## C"), ("In ", "1. In ", "steps")])
def test_what_is_out_of_step_is_named(old, new, said):
    found = "\n".join(differences(ENGLISH.replace(old, new, 1) if old else ENGLISH, CHINESE))
    assert said in found and bool(found) == bool(said)


def test_who_is_ahead_in_speed_is_what_the_two_pages_measured():
    behind = {}
    for page in re.findall(r"benchmarks/PEERS-[\w-]+\.md", (ROOT / "README.md").read_text(encoding="utf-8")):
        rows = [line.split(" | ") for line in (ROOT / page).read_text(encoding="utf-8").splitlines()]
        verdicts = {row[0].removeprefix("| Run / "): row[4] for row in rows if row[0].startswith("| Run / ")}
        assert len(verdicts) == 8
        behind[page] = [name for name, verdict in verdicts.items() if verdict == "not met"]
    assert behind == {"benchmarks/PEERS-AVX2.md": [], "benchmarks/PEERS-AVX512-bf16.md": []}
