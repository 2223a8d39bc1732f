"""Recipes with a name: settings that were tuned once, for `dataclasses.replace` to change."""
from labkit.training import Recipe

# CIFAR-10 with fewer images than three passes have: one look at all, then at the part that was hardest, with
# `labkit.models.SpeedrunCNN`; chapter 5 climbs to it one idea at a time. It needs no flips: that network has the same
# answer for an image and its mirror image. The learning rate and the momentum of filters are airbench's (Jordan 2024),
# the rest was tuned on the last tenth of the training images.
speedrun = Recipe(epochs=5, batch_size=500, optimizer="muon", learning_rate=0.24, momentum=0.85, schedule="triangular",
                  warmup=0.2, label_smoothing=0.2, precision="fast", resolutions=((0.25, 16), (0.6, 24)),
                  hardest=(1.0, 0.5, 0.4, 0.4, 0.4))
