"""What every chapter's set-up cell calls."""
import atexit
import gc
from types import SimpleNamespace

import torch

from labkit import settings
from labkit.cells import show_in_words
from labkit.language import _
from labkit.lazy import ADDRESSES, without
from labkit.memory import keep_memory
from labkit.settings import PROFILES, choose, refuse, threads


def setup(profile: str = "quick", seed: int = 0, **budgets: dict) -> SimpleNamespace:
    """Seed torch, choose how figures and tables are shown, and return the numbers of the chosen profile.

    `budgets` gives each profile its numbers: `setup(profile, seed, quick=dict(steps=100), laptop=...)`; all
    must name the same ones. In the quick profile torch has one thread, so that a chapter gives the same
    numbers however busy the machine is; the result has it as `threads` (None: each run chooses).

    Raises `SettingError` for an unknown profile and for a seed that `settings.seed` refuses.
    """
    with without(ADDRESSES):
        from plotly.io import renderers
    choose("profile", profile, PROFILES)
    settings.seed(seed)
    for name in budgets:
        choose("budgets", name, PROFILES)
    names = {name: sorted(budget) for name, budget in budgets.items()}
    if len(set(map(tuple, names.values()))) > 1:
        raise refuse("budgets", names, _("the same names in each profile"))
    fixed = threads() or (1 if profile == "quick" else None)
    if fixed:
        torch.set_num_threads(fixed)
    keep_memory()
    atexit.register(gc.freeze)      # a kernel that ends need not look for cycles among torch's objects, for seconds
    torch.manual_seed(seed)
    if renderers.default != "plotly_mimetype+png":      # which stores pictures, and is asked for outside
        renderers.default = "plotly_mimetype"
    show_in_words()
    return SimpleNamespace(profile=profile, seed=seed, threads=fixed, **budgets.get(profile, {}))
