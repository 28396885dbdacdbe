"""The estimate of mutual information against closed forms, and the laws that it must keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from mimesim.training.pam.information import NOISE, Information, entropy, mutual_information, neuron_outputs


def gaussian(dimensions: int, noise: float = NOISE) -> float:
    """The entropy of one Gaussian."""
    return dimensions / 2 * math.log(2 * math.pi * math.e * noise)


@st.composite
def samples(draw: st.DrawFn, columns: int = 1) -> tuple[Tensor, Tensor]:
    """Outputs of some neurons, and labels of one or several columns."""
    count, neurons = draw(st.integers(2, 12)), draw(st.integers(1, 5))
    outputs = draw(arrays(np.float64, (count, neurons), elements=st.floats(0, 3, width=32)))
    labels = draw(arrays(np.int64, (count, columns), elements=st.integers(0, 2)))
    return torch.from_numpy(outputs), torch.from_numpy(labels[:, 0] if columns == 1 else labels)


@pytest.mark.parametrize("neurons", [1, 3])
def test_samples_that_coincide_are_one_gaussian(neurons: int) -> None:
    assert entropy(torch.full((7, neurons), 2.5), 0.3) == pytest.approx(gaussian(neurons, 0.3))


@pytest.mark.parametrize("neurons", [1, 3])
def test_samples_far_apart_are_as_many_gaussians(neurons: int) -> None:
    outputs = 1000.0 * torch.arange(8.0)[:, None].repeat(1, neurons)
    assert entropy(outputs) == pytest.approx(gaussian(neurons) + math.log(8))


def test_a_mixture_by_hand() -> None:
    # three samples, two of them one apart: densities 1 + e^-5, twice, and 1, of three
    outputs = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 100.0]], dtype=torch.float64)
    near = (1 + math.exp(-5)) / 3
    assert entropy(outputs) == pytest.approx(gaussian(2) - (2 * math.log(near) + math.log(1 / 3)) / 3)


def test_the_entropy_is_an_upper_bound_and_exact_at_both_ends() -> None:
    # the exact entropy of two Gaussians of the same variance, by the trapezoidal rule
    for apart, gap in ((0.0, 1e-6), (0.1, 0.05), (0.5, 0.25), (1.0, 0.25), (6.0, 1e-6)):
        x = np.linspace(-4, 4 + apart, 200_001)
        normal = [np.exp(-((x - mean) ** 2) / (2 * NOISE)) / math.sqrt(2 * math.pi * NOISE) for mean in (0.0, apart)]
        density = (normal[0] + normal[1]) / 2
        heights = -density * np.log(density + 1e-300)
        exact = float(((heights[1:] + heights[:-1]) / 2 * np.diff(x)).sum())
        bound = entropy(torch.tensor([[0.0], [apart]], dtype=torch.float64))
        assert exact - 1e-9 <= bound <= exact + gap
        assert bound == pytest.approx(gaussian(1) - math.log((1 + math.exp(-(apart**2) / (2 * NOISE))) / 2))


def test_what_tells_classes_apart_carries_their_entropy() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    outputs = 50.0 * labels[:, None].double()
    shares = [1 / 2, 1 / 3, 1 / 6]
    assert mutual_information(outputs, labels) == pytest.approx(-sum(p * math.log(p) for p in shares))
    assert mutual_information(torch.ones(6, 2), labels) == pytest.approx(0)


def test_information_by_hand() -> None:
    # classes {0, 1} and {1}: a kernel of e^-5 between 0 and 1
    e = math.exp(-5)
    outputs = torch.tensor([[0.0], [1.0], [1.0]], dtype=torch.float64)
    own = [(1 + e) / 2, (1 + e) / 2, 1.0]
    of_all = [(1 + 2 * e) / 3, (2 + e) / 3, (2 + e) / 3]
    expected = sum(math.log(p / q) for p, q in zip(own, of_all, strict=True)) / 3
    assert mutual_information(outputs, torch.tensor([0, 0, 1])) == pytest.approx(expected)


@given(samples())
def test_information_lies_between_nothing_and_the_labels_entropy(drawn: tuple[Tensor, Tensor]) -> None:
    outputs, labels = drawn
    shares = labels.unique(return_counts=True)[1].double() / len(labels)
    limit = -(shares * shares.log()).sum().item()
    assert -1e-9 <= mutual_information(outputs, labels) <= limit + 1e-9


@given(samples(columns=2), st.randoms(use_true_random=False))
def test_order_is_of_no_matter(drawn: tuple[Tensor, Tensor], random: object) -> None:
    outputs, labels = drawn
    rows, columns = list(range(len(outputs))), list(range(outputs.shape[1]))
    random.shuffle(rows)  # type: ignore[attr-defined]
    random.shuffle(columns)  # type: ignore[attr-defined]
    moved = mutual_information(outputs[rows][:, columns] + 7.0, 5 - labels[rows])
    assert moved == pytest.approx(mutual_information(outputs, labels), abs=1e-9)


@given(samples(columns=3))
def test_binary_labels_add_up(drawn: tuple[Tensor, Tensor]) -> None:
    outputs, labels = drawn
    alone = sum(mutual_information(outputs, column) for column in labels.unbind(1))
    assert mutual_information(outputs, labels) == pytest.approx(alone, abs=1e-9)


@given(samples(columns=2), st.booleans(), st.floats(0.01, 2))
def test_growing_a_set_is_the_same_as_starting_anew(drawn: tuple[Tensor, Tensor], several: bool, noise: float) -> None:
    outputs, labels = drawn[0], drawn[1] if several else drawn[1][:, 0]
    found = Information(outputs, labels, noise)
    assert found.value() == pytest.approx(0)
    for neuron in reversed(range(outputs.shape[1])):
        expected = [mutual_information(outputs[:, [*found.neurons, k]], labels, noise) for k in range(outputs.shape[1])]
        # a neuron that is in the set already counts twice there and here
        assert found.candidates().tolist() == pytest.approx(expected, abs=1e-9)
        found.add(neuron)
        assert found.value() == pytest.approx(expected[neuron], abs=1e-9)


def test_a_map_counts_by_its_largest_value() -> None:
    maps = torch.zeros(2, 3, 4, 5)
    maps[1, 2, 3, 4] = 6.0
    assert neuron_outputs(maps).tolist() == [[0, 0, 0], [0, 0, 6]]
    assert neuron_outputs(torch.ones(2, 3)).shape == (2, 3)
