"""Rules of chapter 4: the document's formulas against torch, in float64.

Two float64 computations of one thing differ by rounding: about 1e-16 times the square root of the operations, under
1e-12 here. `SAME` leaves room for finite differences, whose error with steps of 1e-5 is near 1e-10, and is far under
what a wrong formula gives, which is some per cent at least.
"""
import statistics

from labkit.claims.rules import HOLDS, IN_PART, NOT, UNDECIDED, column, rule, select, spread
from labkit.language import _

SAME = 1e-6


def _worst(runs, name: str) -> float:
    return max(column(runs, name))


@rule("C4.1", "Back-propagation adds up ∂L/∂z · ∂z/∂w over all z that a weight reaches, and likewise for biases")
def back_propagation(record):
    """Holds if hand, finite differences and autograd agree pairwise to 1e-6; in part if only hand and autograd do."""
    runs = select(record, part="back-propagation")
    worst = {name: _worst(runs, name) for name in ("hand_autograd", "hand_finite", "finite_autograd")}
    verdict = NOT if worst["hand_autograd"] > SAME else HOLDS if max(worst.values()) <= SAME else IN_PART
    return verdict, [
        _("Largest relative difference of any gradient: by hand and by autograd {autograd:.1e}, by hand and by finite "
          "differences {finite:.1e}, by finite differences and autograd {both:.1e}.").format(
              autograd=worst["hand_autograd"], finite=worst["hand_finite"], both=worst["finite_autograd"])]


@rule("C4.2", "Convolution is the sum of filter times input, plus a bias")
def convolution(record):
    """Holds if the formula as written gives all of conv2d's numbers and convolution needs its flip; in part if it
    matches conv2d to 1e-6 once an output position (and channels) are added; else it does not hold."""
    runs = select(record, part="convolution")
    completed = max(_worst(runs, "completed"), _worst(runs, "all_channels"))
    whole = all(run["literal_numbers"] == run["output_numbers"] for run in runs)
    verdict = NOT if completed > SAME else HOLDS if whole and _worst(runs, "flipped") <= SAME else IN_PART
    return verdict, [
        _("As written, the formula gives {literal} number; conv2d gives {output}. It agrees with the first of them to "
          "{origin:.1e}.").format(literal=runs[0]["literal_numbers"], output=runs[0]["output_numbers"],
                                  origin=_worst(runs, "literal_at_origin")),
        _("With an output position and a sum over channels it agrees with conv2d to {completed:.1e}.").format(
            completed=completed),
        _("Mathematical convolution, with a flipped filter, differs from conv2d by {flipped} of the norm; one channel "
          "of three by {channel}.").format(
              flipped=spread(column(runs, "flipped")), channel=spread(column(runs, "one_channel")))]


@rule("C4.3", "An RNN's state is h_t = σ(W_h · [h_(t-1), x_t] + b_h), its output y_t = W_o · h_t + b_o")
def recurrence(record):
    """Holds if states, outputs and gradients match torch's RNN to 1e-6 with tanh as σ and the two biases added up;
    in part if only the forward pass does."""
    runs = select(record, part="recurrence")
    forward = max(_worst(runs, "states"), _worst(runs, "outputs"))
    verdict = NOT if forward > SAME else HOLDS if _worst(runs, "gradients") <= SAME else IN_PART
    return verdict, [
        _("With tanh as σ, states and outputs agree with torch.nn.RNN to {forward:.1e}, gradients to "
          "{gradients:.1e}.").format(forward=forward, gradients=_worst(runs, "gradients")),
        _("torch has two biases where the formula has one. Their gradients differ by {biases:.1e}; leaving one out "
          "changes the states by {one} of their norm.").format(
              biases=_worst(runs, "two_biases"), one=spread(column(runs, "one_bias_of_two"))),
        _("With the logistic sigmoid, which σ often stands for, the states differ by {logistic} of their norm.").format(
            logistic=spread(column(runs, "logistic")))]


@rule("C4.4", "Attention(Q, K, V) = softmax(QKᵀ/√d_k) V")
def attention(record):
    """Holds if it matches torch to 1e-6 and the root does its work: at the largest width, a query without it attends
    to fewer than half as many tokens (2^entropy). In part if it matches and the root does less; else it does not."""
    runs, scales = select(record, part="attention"), select(record, part="scale")
    width = max(column(scales, "width"))
    wide = select(record, part="scale", width=width)
    needed = all(run["attended_undivided"] < run["attended_divided"] / 2 for run in wide)
    verdict = NOT if _worst(runs, "formula") > SAME else HOLDS if needed else IN_PART
    narrow = select(record, part="scale", width=min(column(scales, "width")))

    def mean(runs, name):
        return statistics.mean(column(runs, name))
    return verdict, [
        _("The formula agrees with scaled_dot_product_attention to {formula:.1e}; without the root it differs by "
          "{without} of the norm.").format(
              formula=_worst(runs, "formula"), without=spread(column(runs, "without_root"))),
        _("Of {tokens} tokens a random query attends to {narrow:.1f} (width {low}) and {wide:.1f} (width {high}) with "
          "the root, {narrow_without:.1f} and {wide_without:.1f} without.").format(
              tokens=record["tokens"], low=narrow[0]["width"], high=width,
              narrow=mean(narrow, "attended_divided"), wide=mean(wide, "attended_divided"),
              narrow_without=mean(narrow, "attended_undivided"), wide_without=mean(wide, "attended_undivided")),
        _("At width {width} the softmax's slope is {ratio:.1f} times as large with the root as without.").format(
            width=width, ratio=mean(wide, "slope_divided") / mean(wide, "slope_undivided")),
        _("A language model needs a mask that the formula does not have: with it {masked:.1e} from torch, left out "
          "{left_out} of the norm.").format(
              masked=_worst(runs, "masked"), left_out=spread(column(runs, "mask_left_out")))]


@rule("C4.5", "The 28×28 example: convolution, ReLU, pooling, dense layer, squared error, and their gradients")
def worked_example(record):
    """Undecided if the completed pass by hand is not autograd's to 1e-5. Else holds if the document's lines give a
    gradient for every parameter, in its shape, and pool as torch does; in part if they fall short of that but the
    dense layer's gradient is right to 1e-6 for one linear output; else it does not hold."""
    runs, dense = select(record, part="worked example"), select(record, part="dense gradient")
    worst = max(value for run in runs for kind in ("values", "gradients") for value in run[kind].values())
    formula = {name: column([run["formula"] for run in dense], name) for name in dense[0]["formula"]}
    right = max(formula["linear, squared error"]) <= SAME
    complete = all(run["written_parameters"] == run["parameters"] and run["pool_of_k"] == 1
                   and run["written_weight_numbers"] == run["weight_numbers"] for run in runs)
    verdict = UNDECIDED if worst > 1e-5 else NOT if not right else HOLDS if complete else IN_PART
    first = runs[0]
    return verdict, [
        _("Completed and done by hand, all {count} tensors and their gradients agree with autograd to "
          "{worst:.1e}.").format(count=len(first["values"]), worst=worst),
        _("The document gives gradients for {written:,} of {all:,} parameters; none for the filter. Its line for W "
          "gives {line} numbers where {weights:,} are needed.").format(
              written=first["written_parameters"], all=first["parameters"], line=first["written_weight_numbers"],
              weights=first["weight_numbers"]),
        _("Summed over examples for one linear output with squared error it is right to {linear:.1e}, and for softmax "
          "with cross-entropy to {softmax:.1e}; with sigmoid and squared error it is off by {sigmoid} of the "
          "norm.").format(linear=max(formula["linear, squared error"]), softmax=max(formula["softmax, cross-entropy"]),
                          sigmoid=spread(formula["sigmoid, squared error"])),
        _("Pooling over k of the window's k² values finds the maximum in {share} of the windows.").format(
            share=spread(column(runs, "pool_of_k")))]
