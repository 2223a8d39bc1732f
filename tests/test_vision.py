import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from labkit.data.dataset import Dataset, Split
from labkit.evaluation import evaluate
from labkit.models import DocumentCNN, SmallCNN, SpeedrunCNN, parameter_count
from labkit.models.mirrored import MirroredConv, MirroredNorm, larger_of_pairs, partners
from labkit.models.vision import SpeedrunBlock, whitening
from labkit.recipes import speedrun
from labkit.settings import SettingError
from labkit.training import Run


@pytest.fixture
def images():
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_the_documents_network_has_the_documents_count():
    model = DocumentCNN()
    counts = [sum(value.numel() for value in layer.parameters()) for layer in model.children()]
    assert counts == [896, 18_496, 36_928, 65_600, 650] and sum(counts) == parameter_count(model) == 122_570


def test_parameter_count_leaves_out_what_is_frozen():
    model = DocumentCNN()
    model.conv1.requires_grad_(False)
    assert parameter_count(model) == 122_570 - 896


def test_shapes(images):
    assert DocumentCNN()(images).shape == (6, 10)
    assert DocumentCNN(channels=1, classes=4)(images[:, :1]).shape == (6, 4)


def test_softmax_is_that_of_the_logits(images):
    torch.manual_seed(1)
    logits = DocumentCNN()
    probabilities = DocumentCNN(softmax=True)
    probabilities.load_state_dict(logits.state_dict())
    found = probabilities(images)
    torch.testing.assert_close(found.sum(1), torch.ones(6))
    torch.testing.assert_close(found, logits(images).softmax(1))
    assert (found > 0).all() and not torch.allclose(logits(images).sum(1), torch.ones(6))


def test_weights_are_drawn_as_keras_draws_them():
    model = DocumentCNN()
    limit = (6 / (3 * 9 + 32 * 9)) ** 0.5       # Glorot-uniform: sqrt(6 / (fan in + fan out))
    largest = model.conv1.weight.abs().max().item()
    assert 0.95 * limit < largest <= limit
    assert all((value == 0).all() for name, value in model.named_parameters() if name.endswith("bias"))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pooling_before_relu_is_exactly_relu_before_pooling(images, layout):
    torch.manual_seed(2)
    model = DocumentCNN().to(memory_format=layout)

    def as_the_document_has_it(images):
        x = F.max_pool2d(F.relu(model.conv1(images)), 2)
        x = F.max_pool2d(F.relu(model.conv2(x)), 2)
        return model.dense2(F.relu(model.dense1(F.relu(model.conv3(x)).flatten(1))))
    images = (images - 0.5).contiguous(memory_format=layout)
    images[0] = 0                               # ties: every window holds equal values, of which some are exactly 0
    images.requires_grad_()
    inputs = [images, *model.parameters()]
    outputs = [forward(images) for forward in (model, as_the_document_has_it)]
    assert torch.equal(*outputs)
    gradients = [torch.autograd.grad(output.square().sum(), inputs) for output in outputs]
    assert all(map(torch.equal, *gradients)) and gradients[0][0].abs().sum() > 0


@pytest.mark.parametrize("size", [8, 17, 28, 32])
def test_the_small_network_takes_any_size(size):
    model = SmallCNN(width=5, channels=1, classes=4, dropout=0.5)
    outputs = model(torch.rand(2, 1, size, size))
    assert outputs.shape == (2, 4)
    outputs.sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_the_small_networks_dropout_acts_in_training_alone(images):
    model = SmallCNN(dropout=0.5)
    assert not torch.equal(model(images), model(images))
    model.eval()
    assert torch.equal(model(images), model(images))


def test_whitened_patches_have_equal_variances_and_none_in_common():
    images = torch.randn(400, 3, 32, 32).cumsum(2).cumsum(3)       # neighbours are alike, as in photographs
    images = (images - images.mean()) / images.std()
    filters = whitening(images, 4, 16)
    assert filters.shape == (16, 3, 4, 4) and torch.equal(filters[8:], -filters[:8])
    patches = F.unfold(images, 4, stride=3).transpose(1, 2).flatten(0, 1)
    mirrored = patches.unflatten(1, (3, 4, 4)).flip(3).flatten(1)
    found = torch.cat([patches, mirrored]) @ filters[:8].flatten(1).T
    torch.testing.assert_close(torch.cov(found.T), torch.eye(8), rtol=0, atol=0.05)
    alike = torch.corrcoef(patches.T)
    assert alike.fill_diagonal_(0).abs().max() > 0.5


def test_the_speed_run_starts_from_patches_of_its_images(images):
    torch.manual_seed(0)
    as_bytes = (255 * images).to(torch.uint8)
    free, model = SpeedrunCNN(mirrored=False), SpeedrunCNN(as_bytes, widths=(8, 16, 24), patches=12)
    assert free(images).shape == model(images).shape == (6, 10)
    assert free.patches.weight.requires_grad and not model.patches.weight.requires_grad
    assert parameter_count(SpeedrunCNN(as_bytes, mirrored=False)) == 818_880
    assert parameter_count(free) == 818_880 + free.patches.weight.numel()
    assert parameter_count(SpeedrunCNN(as_bytes)) == 818_880 / 2
    seen = F.conv2d((images - model.mean) / model.deviation, model.patches.weight, stride=2, padding=1)
    assert 0.2 < seen.std() < 5
    block = SpeedrunBlock(2, 3, pool=False)
    assert torch.equal(block.conv1(images[:, :2])[:, :2], images[:, :2])       # the first filters pass it on


@pytest.mark.parametrize("size", [32, 24, 16])
@pytest.mark.parametrize("whitened", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_an_image_and_its_mirror_image_have_the_same_logits(images, size, whitened, training):
    torch.manual_seed(0)
    models = [SpeedrunCNN((255 * images).to(torch.uint8) if whitened else None, patches=24, mirrored=mirrored)
              .train(training) for mirrored in (True, False)]
    change = [(model(x) - model(x.flip(3))).abs().max() / model(x).std() for x in [images[:, :, :size, :size]]
              for model in models]
    assert change[0] < 1e-3 < 1e-2 < change[1]


def test_mirrored_layers_are_torchs_own_with_tied_weights(images):
    """The group convolution from its definition: flip the input, convolve, flip back, and the halves change places."""
    torch.manual_seed(0)
    first, second, norm = MirroredConv(3, 8, torch.arange(3)), MirroredConv(8, 12), MirroredNorm(12)
    plain = nn.Conv2d(3, 4, 3, padding=1, bias=False)
    plain.weight = first.weight
    x = first(images)
    assert torch.allclose(x, torch.cat([plain(images), plain(images.flip(3)).flip(3)], 1), atol=1e-6)
    exchanged = torch.cat(x.flip(3).chunk(2, 1)[::-1], 1)
    assert torch.allclose(second(exchanged), torch.cat(second(x).flip(3).chunk(2, 1)[::-1], 1), atol=1e-5)
    both = torch.cat(second(x).chunk(2, 1), 0)      # the images of both halves, under 6 channels
    expected = torch.cat(nn.BatchNorm2d(6)(both).chunk(2), 1)
    assert torch.allclose(norm(second(x)), expected, atol=1e-5)
    with pytest.raises(SettingError, match="width = 7 cannot be used. Allowed: an even number"):
        SpeedrunCNN(widths=(8, 7, 8))
    assert torch.equal(larger_of_pairs(torch.tensor([[1.0, 5.0, 3.0, 4.0]])), torch.tensor([[3.0, 5.0]]))


def test_the_mirror_image_of_a_whitening_filter_is_itself_or_its_negative(images):
    filters = whitening(images, 4, 12)
    assert torch.allclose(filters.flip(3), filters[partners(filters)], atol=1e-3 * filters.abs().max())
    assert (partners(filters) == (torch.arange(12) + 6) % 12).any() and (partners(filters) == torch.arange(12)).any()


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_the_speed_run_learns_in_its_recipe(precision):
    """Two classes that differ in one colour: a few steps of Muon, in half precision too, tell them apart."""
    torch.manual_seed(0)
    inputs, targets = torch.randint(0, 200, (200, 3, 16, 16), dtype=torch.uint8), torch.arange(200) % 2
    inputs[targets == 1, 0] += 40
    split = Split(inputs, targets)
    data = Dataset("two colours", split, split, split, ("a", "b"), "none", "made here", "")
    recipe = dataclasses.replace(speedrun, epochs=6, batch_size=50, hardest=(), precision=precision)
    run = Run(lambda: SpeedrunCNN(inputs, widths=(8, 16, 16), classes=2, patches=12), data, recipe, threads=1)
    losses = [float(step.loss) for step in run]
    assert losses[-1] < losses[0] and evaluate(run.model, split, mirrored=True).accuracy > 0.9
    assert run.model.state_dict()["blocks.0.conv1.weight"].dtype == torch.float32
