"""Questions that are marked at once, in the page alone.

    test = lk.SelfTest(20, seed=0)
    test.show()
"""
import traitlets
from IPython.display import display

from labkit import questions
from labkit.language import _
from labkit.settings import refuse
from labkit.widgets.still import COPY, LiveWidget, script, style


class SelfTestView(LiveWidget):
    """The questions, as radio buttons. The page marks, and writes `choices`; a new draw is asked of the kernel."""
    needs_kernel = False
    _esm = script("self_test.js")
    _css = style("self_test.css")
    questions = traitlets.List().tag(sync=True)
    choices = traitlets.List().tag(sync=True)       # the place of the option chosen, or -1
    labels = traitlets.Dict().tag(sync=True)


class SelfTest:
    """`count` questions drawn from the bank by `seed`; an answer is marked when it is chosen, and then stands.

    State is plain Python: `questions`, `choices` (the option chosen of each, -1 for none), `right` (how many are
    right). `choose(number, option)` answers as a learner does, both counted from 1; `draw(seed)` draws others.
    Raises `SettingError` for a count that the bank does not have, and for a question or an option that is not there.
    """

    def __init__(self, count: int = 20, seed: int = 0):
        self.view = SelfTestView(labels={
            "title": _("Self-test"), "right": _("Right."), "wrong": _("Not right. The answer: {answer}."),
            "score": _("{right} of {answered} answers right, {left} questions left."), "again": _("Other questions")})
        self._count = count
        self.draw(seed)
        self.view.on_msg(lambda view, content, buffers: self.draw(self.seed + 1))

    def draw(self, seed: int) -> None:
        """Draw questions anew; all answers are forgotten."""
        self.seed, self.questions = seed, questions.draw(self._count, seed)
        with self.view.hold_sync():
            self.view.choices = [-1] * len(self.questions)
            self.view.questions = [question.shown() for question in self.questions]

    def show(self) -> None:
        """Show the questions; without a kernel or a browser they stay as plain text below."""
        display(self.view)
        lines = []
        for number, question in enumerate(self.view.questions, start=1):
            lines += [f"{number}. {question['text']}", *(f"   ○ {option}" for option in question["options"])]
        display({"text/plain": "\n".join(lines)}, metadata=COPY, raw=True)

    @property
    def choices(self) -> list[int]:
        """The place of the option chosen for each question, from 0; -1 where there is none yet."""
        return list(self.view.choices)

    @property
    def right(self) -> int:
        """How many answers are right."""
        return sum(choice == question.answer for choice, question in zip(self.choices, self.questions, strict=True))

    def choose(self, number: int, option: int) -> bool:
        """Answer question `number` with its `option`, both from 1. Returns whether that is right."""
        if number not in range(1, len(self.questions) + 1):
            raise refuse("number", number, _("a whole number from 1 to {last}").format(last=len(self.questions)))
        question = self.questions[number - 1]
        if option not in range(1, len(question.options) + 1):
            raise refuse("option", option, _("a whole number from 1 to {last}").format(last=len(question.options)))
        choices = self.choices
        choices[number - 1] = option - 1
        self.view.choices = choices
        return option - 1 == question.answer
