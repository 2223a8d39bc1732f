"""A guess that the learner commits to before the experiment, and its answer afterwards."""
import re

import traitlets
from IPython.display import display

from labkit.language import _
from labkit.settings import refuse
from labkit.widgets.still import COPY, LiveWidget, script, style


class Guess(LiveWidget):
    """A question with a few answers as native radio buttons. `choice` is the text chosen, or empty."""
    needs_kernel = False
    _esm = script("guesses.js")
    _css = style()
    question = traitlets.Unicode().tag(sync=True)
    options = traitlets.List(traitlets.Unicode()).tag(sync=True)
    choice = traitlets.Unicode("").tag(sync=True)

    def reveal(self, answer: str | float) -> None:
        """Print what was measured beside what was guessed.

        `answer` is one of the options, or a number: then the option whose first number is nearest to it.
        """
        if isinstance(answer, str):
            answer = _(answer)
        else:
            found = {option: re.search(r"\d[\d,.]*", option) for option in self.options}
            numbers = {option: float(match[0].replace(",", "")) for option, match in found.items() if match}
            answer = min(numbers, key=lambda option: abs(answer - numbers[option]), default=answer)
        if answer not in self.options:
            raise refuse("answer", answer, ", ".join(self.options))
        if not self.choice:
            print(_("Measured: {answer}. (No guess was made.)").format(answer=answer))
        elif self.choice == answer:
            print(_("Measured: {answer}, as you guessed.").format(answer=answer))
        else:
            print(_("Measured: {answer}. You guessed {choice}.").format(answer=answer, choice=self.choice))


def guess(question: str, options: list[str]) -> Guess:
    """Show `question` with its `options`, and return the guess, whose `reveal(answer)` comes later.

    Both are shown in the learner's language where the catalogue has them. Without a kernel or a browser the
    options stay as plain text below, and no guess is made.
    """
    widget = Guess(question=_(question), options=[_(option) for option in options])
    display(widget)
    display({"text/plain": "\n".join([widget.question, *(f"  ○ {option}" for option in widget.options)])},
            metadata=COPY, raw=True)
    return widget
