"""PyTorch Lightning with everything off that can be turned off."""
import logging
import time
import warnings

import lightning
import torch
import torch.nn.functional as F
from answer import answer
from torch_network import loader, network

warnings.filterwarnings("ignore")
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Classifier(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.network, self.seconds = network(), []

    def training_step(self, batch, index):
        inputs, targets = batch
        return F.cross_entropy(self.network(inputs), targets)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=1e-3, fused=True)

    def on_train_epoch_start(self):
        self.began = time.perf_counter()

    def on_train_epoch_end(self):
        self.seconds.append(time.perf_counter() - self.began)


def epoch_seconds(batch_size: int, images: int) -> float:
    model = Classifier()
    lightning.Trainer(accelerator="cpu", max_epochs=3, barebones=True, use_distributed_sampler=False).fit(
        model, loader(images, batch_size))
    return min(model.seconds[1:])


answer(epoch_seconds)
