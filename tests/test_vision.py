import pytest
import torch
import torch.nn.functional as F

from labkit.models import DocumentCNN, SmallCNN, parameter_count


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
