"""What a model is made of: its layers, what each gives out, and how many numbers it learns."""
import torch
from torch import nn

from labkit.device import device_of, eval_mode
from labkit.language import _


def layer_table(model: nn.Module, input_shape: tuple[int, ...]):
    """A data frame with a row for each layer, in the order in which they run, and a row for the total.

    Columns: layer, kind, output shape (without the batch) and parameters (frozen ones count too; a layer that
    runs twice has them once). `input_shape` is the shape of one example, such as (3, 32, 32); the layers are
    found by running the model once on zeros. Operations that are not modules, such as `F.relu`, have no row.
    """
    import pandas
    rows, hooks, seen = [], [], set()

    def record(name, module, output):
        own = [p for p in module.parameters(recurse=False) if id(p) not in seen]
        seen.update(map(id, own))
        shape = " × ".join(map(str, output.shape[1:])) if isinstance(output, torch.Tensor) else ""
        rows.append((name, type(module).__name__, shape, sum(p.numel() for p in own)))

    for name, module in model.named_modules():
        if not list(module.children()) or list(module.parameters(recurse=False)):
            hooks.append(module.register_forward_hook(
                lambda module, args, output, name=name: record(name, module, output)))
    try:
        with eval_mode(model), torch.inference_mode():
            model(torch.zeros(1, *input_shape, device=device_of(model)))
    finally:
        for hook in hooks:
            hook.remove()
    rows.append((_("total"), "", "", sum(row[3] for row in rows)))
    return pandas.DataFrame(rows, columns=[_("layer"), _("kind"), _("output shape"), _("parameters")])
