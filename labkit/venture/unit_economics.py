"""A venture's unit economics as formulas that a learner can read, change and run again.

A formula is the text of an expression: numbers, names, + - * / **, comparisons, `min` and `max`. It is read by
Python's parser and worked out here, node by node; nothing is ever executed. A name is an input or another formula;
the order follows from who needs whom.

A formula called `next_x` gives the value of the input `x` one month later: `over_time` follows it.
"""
import ast
import graphlib
import math
import operator
from dataclasses import dataclass

from labkit.language import _
from labkit.settings import choose, refuse

LONGEST = 300           # characters of one formula
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Pow: operator.pow}
COMPARISONS = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
               ast.Eq: operator.eq, ast.NotEq: operator.ne}
FUNCTIONS = {"min": min, "max": max}
SIGNS = {ast.UAdd: operator.pos, ast.USub: operator.neg}
NEXT = "next_"


@dataclass(frozen=True)
class Formula:
    """One formula that has been checked: its text, its tree and the names it needs."""
    name: str
    text: str
    tree: ast.expr
    needs: frozenset[str]


class Model:
    """Formulas `{name: text}` over `inputs` `{name: number}`, checked and in the order in which they can be worked out.

    Raises `SettingError` for what is not an expression of the allowed kind, for a name that nothing gives, for a name
    given twice, and for formulas that need each other in a circle.
    """

    def __init__(self, formulas: dict[str, str], inputs: dict[str, float]):
        for name, value in inputs.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise refuse(name, value, _("a finite number"))
        self.inputs = {name: float(value) for name, value in inputs.items()}
        self.formulas = {name: parse(name, text) for name, text in formulas.items()}
        known = {*self.inputs, *self.formulas}
        for name, formula in self.formulas.items():
            if name in self.inputs:
                raise refuse(name, formula.text, _("a name that is no input"))
            for needed in sorted(formula.needs - known):
                raise refuse(name, formula.text, ", ".join(sorted(known)),
                             _("Nothing is called {name}.").format(name=needed))
        sorter = graphlib.TopologicalSorter({name: sorted(formula.needs & self.formulas.keys())     # sets have no order
                                             for name, formula in self.formulas.items()})
        try:
            self.order = tuple(sorter.static_order())
        except graphlib.CycleError as error:
            circle = list(reversed(error.args[1]))
            raise refuse(circle[0], self.formulas[circle[0]].text, _("formulas that do not need each other"),
                         _("This is a circle: {names}.").format(names=" → ".join(circle))) from None

    def values(self, **changes: float) -> dict[str, float]:
        """Every input and the value of every formula, as floats; `changes` replaces inputs.

        What is divided by 0 is infinite (0 / 0 is not a number), so that a customer who never leaves stays for ever.
        Raises `SettingError` for a result that is too large or not real, naming the formula.
        """
        for name in changes:
            choose("input", name, self.inputs)
        found = self.inputs | {name: float(value) for name, value in changes.items()}
        for name in self.order:
            formula = self.formulas[name]
            try:
                value = float(_value(formula.tree, found))
            except (OverflowError, TypeError, ZeroDivisionError) as error:
                raise refuse(name, formula.text, _("an expression whose value is a real number"), str(error)) from error
            found[name] = value
        return found

    def over_time(self, months: int = 36) -> dict[str, list[float]]:
        """Every value in months 0 to `months`; formulas `next_x` move the inputs `x` from one month to the next."""
        if isinstance(months, bool) or not isinstance(months, int) or months < 1:
            raise refuse("months", months, _("a whole number of at least 1"))
        moved = [name for name in self.inputs if NEXT + name in self.formulas]
        found = [self.values()]
        for _month in range(months):
            found.append(self.values(**{name: found[-1][NEXT + name] for name in moved}))
        return {name: [at[name] for at in found] for name in found[0]}

    def sensitivity(self, target: str, change: float = 0.2):
        """What the target becomes when each input alone is lower and higher by the share `change`.

        A data frame with the input as index, columns "lower" and "higher" (differences from the target as it is) and
        "swing" (the larger of the two, without its sign), the largest swing first. Inputs of no effect are left out.
        Raises `SettingError` where the target has no finite value to begin with.
        """
        import pandas
        base = self._target(target, {})
        if not math.isfinite(base):
            raise refuse(target, base, _("a finite number"), _("Something is divided by 0, or nobody ever leaves."))
        rows = {name: [self._target(target, {name: value * (1 + sign * change)}) - base for sign in (-1, 1)]
                for name, value in self.inputs.items()}
        table = pandas.DataFrame.from_dict(rows, orient="index", columns=["lower", "higher"])
        table["swing"] = table.abs().max(axis=1)
        return table[table.swing > 0].sort_values("swing", ascending=False, kind="stable")

    def edges(self, target: str, moves: dict[str, list[str]], change: float = 0.2) -> dict[str, float]:
        """What the target gains when all inputs that a strength moves get better by the share `change`.

        `moves` is {strength: [inputs]}; the better direction of an input is the one that raises the target.
        """
        base, found = self._target(target, {}), {}
        for strength, names in moves.items():
            better = {}
            for name in names:
                value = self.inputs[choose("input", name, self.inputs)]
                better[name] = max((value * (1 - change), value * (1 + change)),
                                   key=lambda moved, name=name: self._target(target, {name: moved}))
            found[strength] = self._target(target, better) - base
        return found

    def _target(self, target: str, changes: dict[str, float]) -> float:
        return self.values(**changes)[choose("target", target, [*self.formulas, *self.inputs])]


def parse(name: str, text: str) -> Formula:
    """Check the text of one formula. Raises `SettingError` that says what is allowed."""
    allowed = _("an expression of numbers, names, + - * / **, comparisons, min and max")
    if not isinstance(name, str) or not name.isidentifier() or name in FUNCTIONS:
        raise refuse("name", name, _("a word of letters, digits and _"))
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        raise refuse(name, text, allowed, _("At most {count} characters.").format(count=LONGEST))
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise refuse(name, text, allowed) from None
    needs: set[str] = set()
    if problem := _problem(tree, needs):
        raise refuse(name, text, allowed, _("Not this: {part}").format(part=problem))
    return Formula(name, text.strip(), tree, frozenset(needs))


def edited(formulas: dict[str, str], line: str) -> dict[str, str]:
    """The formulas with the one that `line` ("name = expression") gives; an empty line changes nothing."""
    name, sign, text = line.partition("=")
    if not line.strip():
        return dict(formulas)
    if not sign or text.startswith("="):
        raise refuse("formula", line, _("a line such as {example}").format(example="churn = 0.05"))
    return formulas | {name.strip(): parse(name.strip(), text.strip()).text}


def break_even(path: dict[str, list[float]], name: str) -> int | None:
    """The first month from which the values called `name` are never below 0 again; None where there is none."""
    values = path[choose("name", name, path)]
    below = [month for month, value in enumerate(values) if not value >= 0]
    first = below[-1] + 1 if below else 0
    return first if first < len(values) else None


def _problem(node: ast.AST, needs: set[str]) -> str:
    """The first part of the tree that is not allowed, as text; names go into `needs`."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return ""
        case ast.Name():
            needs.add(node.id)
            return ""
        case ast.BinOp(op=op) if type(op) in OPERATIONS or isinstance(op, ast.Div):
            parts = [node.left, node.right]
        case ast.UnaryOp(op=op) if type(op) in SIGNS:
            parts = [node.operand]
        case ast.Compare() if all(type(op) in COMPARISONS for op in node.ops):
            parts = [node.left, *node.comparators]
        case ast.Call(func=ast.Name(id=called), keywords=[]) if called in FUNCTIONS and len(node.args) > 1:
            parts = node.args
        case _:
            return ast.unparse(node)
    return next(filter(None, (_problem(part, needs) for part in parts)), "")


def _value(node: ast.AST, names: dict[str, float]) -> float:
    match node:
        case ast.Constant():
            return float(node.value)        # floats alone: 10 ** 10 ** 10 overflows at once in place of running on
        case ast.Name():
            return names[node.id]
        case ast.UnaryOp():
            return SIGNS[type(node.op)](_value(node.operand, names))
        case ast.BinOp(op=ast.Div()):
            return _quotient(_value(node.left, names), _value(node.right, names))
        case ast.BinOp():
            return OPERATIONS[type(node.op)](_value(node.left, names), _value(node.right, names))
        case ast.Compare():
            sides = [_value(side, names) for side in (node.left, *node.comparators)]
            return float(all(COMPARISONS[type(op)](a, b)
                             for op, a, b in zip(node.ops, sides, sides[1:], strict=False)))
    return FUNCTIONS[node.func.id](_value(argument, names) for argument in node.args)


def _quotient(above: float, below: float) -> float:
    if below:
        return above / below
    return math.nan if not above or math.isnan(above) else math.copysign(math.inf, above)
