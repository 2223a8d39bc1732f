"""Which tools fit a project: six answers, one table of rules, and the reason for each choice.

For each part of the stack the first rule that fits decides; the last rule of a part fits everything. A rule names what
the project's answers must be: `{"data": "table"}` or `{"size": ("under 10,000", "up to 1 million")}`.
"""
from dataclasses import dataclass, field

import pandas as pd

from labkit.language import _
from labkit.settings import choose, refuse

QUESTIONS = {
    "data": ("table", "text", "images", "clicks"),
    "size": ("under 10,000", "up to 1 million", "more"),
    "team": ("one person", "a few", "many"),
    "deployment": ("report", "web service", "phone"),
    "budget": ("none", "some", "large"),
    "hardware": ("laptop", "one GPU", "several GPUs"),
}


@dataclass(frozen=True)
class Rule:
    """`part` of the stack, what to take, why, and when: the answers that each question named must have."""
    part: str
    take: str
    why: str
    when: dict = field(default_factory=dict)

    def fits(self, answers: dict) -> bool:
        """Whether every question named has one of the answers named."""
        return all(answers[question] in ((allowed,) if isinstance(allowed, str) else allowed)
                   for question, allowed in self.when.items())


def rules() -> tuple[Rule, ...]:
    """The table, in the language of the moment."""
    return (
        Rule("data", "Polars", _("a table of this size is slow or too large in pandas, and Polars reads it in parts"),
             {"data": ("table", "clicks"), "size": "more"}),
        Rule("data", "pandas", _("joins, dates and missing values of tables"), {"data": ("table", "clicks")}),
        Rule("data", "datasets", _("it reads from disk what does not fit into memory"), {"size": "more"}),
        Rule("data", "NumPy", _("the examples fit into memory as arrays")),

        Rule("model", "scikit-learn: boosted trees", _("on tables trees are hard to beat, and need no GPU"),
             {"data": "table"}),
        Rule("model", "scikit-learn: nearest items", _("too few clicks for embeddings; count what is taken together"),
             {"data": "clicks", "size": "under 10,000"}),
        Rule("model", "PyTorch: two towers", _("embeddings of users and items, with content for new items"),
             {"data": "clicks"}),
        Rule("model", "scikit-learn on frozen features",
             _("too few examples to train a large network, and no GPU to try"),
             {"size": "under 10,000", "hardware": "laptop"}),
        Rule("model", "PyTorch: a small network", _("without a GPU or money, only a small network trains overnight"),
             {"budget": "none", "hardware": "laptop"}),
        Rule("model", "PyTorch: pre-train further", _("enough data and machines to move all weights of a large model"),
             {"size": "more", "budget": "large", "hardware": "several GPUs"}),
        Rule("model", "PyTorch: fine-tune a pre-trained model", _("it has seen more data than you can collect")),

        Rule("training", "DistributedDataParallel", _("one process for each GPU; the batch is shared out"),
             {"size": "more", "hardware": "several GPUs"}),
        Rule("training", "one GPU, mixed precision", _("simpler than several, and fast enough for this size"),
             {"hardware": ("one GPU", "several GPUs")}),
        Rule("training", "a GPU rented by the hour", _("you pay for the hours of training and own nothing"),
             {"budget": ("some", "large"), "data": ("text", "images")}),
        Rule("training", "the laptop", _("what is trained here needs no more")),

        Rule("versions", "git, DVC and a model registry", _("many people must find which data made which model"),
             {"team": "many"}),
        Rule("versions", "git and DVC", _("data of this size do not belong in git; DVC keeps their hashes there"),
             {"team": "a few", "size": "more"}),
        Rule("versions", "git, a shared repository, review", _("two people will change the same line"),
             {"team": "a few"}),
        Rule("versions", "git, outputs stripped", _("alone, too, you will want last week's version")),

        Rule("serving", "ExecuTorch or ONNX Runtime", _("a phone needs a small runtime and an exported model"),
             {"deployment": "phone"}),
        Rule("serving", "a notebook, run by papermill", _("nothing to keep running; the report is made when it is due"),
             {"deployment": "report"}),
        Rule("serving", "an inference server with batching", _("large models are cheap only if requests share a GPU"),
             {"deployment": "web service", "budget": "large", "data": ("text", "images")}),
        Rule("serving", "FastAPI in a container", _("one function behind an address; a CPU is enough to begin with")),
    )


def recommend(**answers: str) -> pd.DataFrame:
    """The stack for these answers to all QUESTIONS: part, take, why. A wrong or missing answer is refused."""
    if set(answers) != set(QUESTIONS):
        raise refuse("questions", ", ".join(answers), ", ".join(QUESTIONS))
    for question, answer in answers.items():
        choose(question, answer, QUESTIONS[question])
    table = rules()
    chosen = [next(rule for rule in table if rule.part == part and rule.fits(answers))
              for part in dict.fromkeys(rule.part for rule in table)]
    return pd.DataFrame([(_(rule.part), _(rule.take), rule.why) for rule in chosen], columns=["part", "take", "why"])


def table() -> pd.DataFrame:
    """The rules as they stand, one row each."""
    def words(when: dict) -> str:
        return "; ".join(f"{_(question)}: {_(allowed) if isinstance(allowed, str) else ' / '.join(map(_, allowed))}"
                         for question, allowed in when.items()) or _("otherwise")
    return pd.DataFrame([(_(rule.part), words(rule.when), _(rule.take), rule.why) for rule in rules()],
                        columns=["part", "when", "take", "why"])
