"""Questions across all chapters, each with the cell that shows its answer.

    lk.questions.draw(20, seed=0)       # 20 of them, spread over the chapters

The bank is `data/bundled/questions.json`: a chapter, the id of a cell, a question, three or four options of which the
first is right, and why. What a learner reads of it is in English there; the Chinese is in labkit's catalogue.
"""
import json
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from labkit.language import _, language
from labkit.settings import chapters_folder, refuse

FILE = Path(__file__).parent / "data" / "bundled" / "questions.json"
HEADING = re.compile(r"^#{1,4} (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """`options[0]` of the bank is right; `draw` shuffles, and `answer` says where the right one went."""
    chapter: str
    cell: str
    text: str
    options: tuple[str, ...]
    why: str
    answer: int = 0

    def shown(self) -> dict:
        """What a page needs, in the learner's language."""
        return {"text": _(self.text), "options": [_(option) for option in self.options], "answer": self.answer,
                "why": _(self.why), "where": self.where()}

    def where(self) -> str:
        """Where its answer is shown: chapter, heading above the cell, and the cell's id."""
        return _("Chapter {chapter}, “{heading}”, cell {cell}.").format(
            chapter=int(self.chapter), heading=heading_above(self.chapter, self.cell), cell=self.cell)


def bank() -> list[Question]:
    """All questions, in the order of the course."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    return [Question(**{**row, "options": tuple(row["options"])}) for row in rows]


def draw(count: int = 20, seed: int = 0) -> list[Question]:
    """`count` different questions in the order of the course, as many from each chapter as from any other, or one more.

    Raises `SettingError` for a count that is not between 1 and the size of the bank.
    """
    questions, dice = bank(), random.Random(seed)
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= len(questions):
        raise refuse("count", count, _("a whole number from 1 to {last}").format(last=len(questions)))
    chapters = defaultdict(list)
    for question in dice.sample(questions, len(questions)):
        chapters[question.chapter].append(question)
    # The first of each chapter, then the second of each: ties between chapters fall as the shuffle has it.
    turns = sorted(((place, order, question) for order, held in enumerate(chapters.values())
                    for place, question in enumerate(held)), key=lambda turn: turn[:2])
    chosen = {turn[2] for turn in turns[:count]}
    return [_shuffled(question, dice) for question in questions if question in chosen]


def heading_above(chapter: str, cell: str) -> str:
    """The nearest heading at or above a cell of a chapter, in the learner's language.

    Raises `SettingError` for a chapter or a cell that does not exist.
    """
    found = sorted(chapters_folder().glob(f"{chapter}_*.ipynb"))
    if not found:
        raise refuse("chapter", chapter, _("a chapter of the course, such as 05"))
    texts, heading = _chinese(found[0]) if language() == "zh" else {}, ""
    for held in json.loads(found[0].read_text(encoding="utf-8"))["cells"]:
        if held["cell_type"] == "markdown":
            for match in HEADING.finditer(texts.get(held["id"]) or "".join(held["source"])):
                heading = match[1].split(" · ")[0]
        if held["id"] == cell:
            return heading
    raise refuse("cell", cell, _("the id of a cell of {notebook}").format(notebook=found[0].name))


def _chinese(notebook: Path) -> dict[str, str]:
    from labkit.translate import page_of, read
    page = page_of(notebook)
    return {cell: text.chinese for cell, text in read(page).items()} if page.exists() else {}


def _shuffled(question: Question, dice: random.Random) -> Question:
    order = dice.sample(range(len(question.options)), len(question.options))
    return Question(question.chapter, question.cell, question.text, tuple(question.options[i] for i in order),
                    question.why, order.index(0))
