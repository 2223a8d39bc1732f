"""Recipes with a name: settings that were tuned once, for `dataclasses.replace` to change."""
from labkit.augment import Augmentation
from labkit.training import Recipe

# CIFAR-10 with as many images as four passes have: two of all, then of the part that was hardest, with
# `labkit.models.SpeedrunCNN`; chapter 5 climbs to it one idea at a time. The learning rate and the momentum of filters
# are airbench's (Jordan 2024), the rest was tuned on the last tenth of the training images.
speedrun = Recipe(epochs=5, batch_size=500, optimizer="muon", learning_rate=0.24, momentum=0.85, schedule="triangular",
                  warmup=0.2, label_smoothing=0.2, augmentation=Augmentation(flip=0.5), precision="fast",
                  resolutions=((0.25, 16), (0.6, 24)), hardest=(1.0, 1.0, 0.75, 0.75, 0.5))
