"""The document's network as tutorials write it, and random images, for the peers that run on torch."""
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def network() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 64), nn.ReLU(),
        nn.Linear(64, 10)).to(memory_format=torch.channels_last)


def random_images(images: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.rand(images, 3, 32, 32, generator=generator).contiguous(memory_format=torch.channels_last)
    return inputs, torch.randint(10, (images,), generator=generator)


def loader(images: int, batch_size: int) -> DataLoader:
    """Whole batches are taken by index from tensors in memory, which is the fastest that a DataLoader does."""
    data = TensorDataset(*random_images(images))
    sampler = torch.utils.data.BatchSampler(torch.utils.data.RandomSampler(data), batch_size, drop_last=False)
    return DataLoader(data, sampler=sampler, batch_size=None)
