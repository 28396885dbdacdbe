"""The pictures of a training: readable whatever the network, in colour and without, and the same bytes each time."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from mimesim.training.report.outcome import Outcome
from mimesim.training.report.plots import accuracy_figure, curves_figure, pictures, sparsity_figure
from tests.training.report.outcomes import ACCURACY, METHODS, outcome, tower

matplotlib = pytest.importorskip("matplotlib")
if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {"accuracy.png", "curves.png", "sparsity.png"}
FIGURES = {"accuracy": accuracy_figure, "curves": curves_figure, "sparsity": sparsity_figure}


@pytest.fixture(scope="module")
def full() -> Outcome:
    """Three tasks, seven methods, 36 activations: as much as is ever drawn."""
    return outcome(network=tower(53))


def texts(figure: Figure) -> list[Any]:
    """All that is written in *figure*, laid out; ticks beyond the limits of an axis exist, but are not drawn."""
    figure.draw_without_rendering()
    found: list[Any] = [axes.title for axes in figure.axes]
    for axis in (axis for axes in figure.axes if axes.axison for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        found += [axis.label, *(tick.label1 for tick in ticks if low <= tick.get_loc() <= high)]
    return [figure.legends[0], *(text for text in found if text.get_text() and text.get_visible())]


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("network", [None, tower(53)], ids=["vgg16", "many layers"])
def test_no_text_lies_on_another_or_beyond_the_edge(name: str, network: Any) -> None:
    figure = FIGURES[name](outcome(network=network))
    everything = texts(figure)
    boxes = [(str(text), text.get_window_extent()) for text in everything]
    edge = figure.bbox
    for text, box in boxes:
        assert box.x0 >= edge.x0 - 1, text
        assert box.x1 <= edge.x1 + 1, text
        assert box.y0 >= edge.y0 - 1, text
        assert box.y1 <= edge.y1 + 1, text
    for (one, first), (other, second) in combinations(boxes, 2):
        overlap = first.intersection(first, second)
        assert overlap is None or overlap.width < 1 or overlap.height < 1, (one, other)


def test_they_are_small_and_sensible_pngs(full: Outcome) -> None:
    found = pictures(full)
    assert found.keys() == NAMES
    for name, content in found.items():
        with Image.open(io.BytesIO(content)) as picture:
            assert picture.format == "PNG"
            assert 500 <= picture.width <= 1500, name
            assert 300 <= picture.height <= 1100, name
            assert not picture.info, name
        assert len(content) <= 120_000, name


def test_the_users_settings_of_matplotlib_change_nothing() -> None:
    made = outcome(tasks=["cifar10"], methods=METHODS[:2])
    before = pictures(made)
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 5, "axes.facecolor": "red", "savefig.dpi": 30}):
        assert pictures(made) == before
        assert matplotlib.rcParams["font.size"] == 20


@pytest.mark.parametrize("name", FIGURES)
def test_all_methods_are_in_the_legend_and_told_apart_without_colour(name: str, full: Outcome) -> None:
    figure = FIGURES[name](full)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels[: len(METHODS)] == [method.name for method in full.methods]
    assert len(set(labels)) == len(labels)
    lines = [line for line in figure.axes[-1].get_lines() if line.get_marker() not in ("", "None", "_", 2, 3)]
    assert len({line.get_marker() for line in lines}) == len(METHODS)
    if name != "accuracy":
        assert len({str(line._unscaled_dash_pattern) for line in lines}) == len(METHODS)


def test_a_panel_per_task_and_one_for_a_parent_trained_here(full: Outcome) -> None:
    titles = ["CIFAR-10", "CIFAR-100", "Fashion-MNIST"]
    assert [axes.get_title() for axes in accuracy_figure(full).axes] == titles
    assert [axes.get_title() for axes in sparsity_figure(full).axes] == titles
    parents = [axes.get_title() for axes in curves_figure(full).axes if axes.get_title()]
    assert parents == ["parent: Tiny-ImageNet-100", *titles]
    without = curves_figure(replace(full, parent={"stage": "parent", "weights": "imagenet"}))
    assert [axes.get_title() for axes in without.axes if axes.get_title()] == titles


def test_the_papers_numbers_are_hollow_and_at_their_layers() -> None:
    figure = sparsity_figure(outcome())
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    paper, ours = lines["paper's mime"], lines["mime"]
    assert paper.get_fillstyle() == "none"
    assert (paper.get_marker(), paper.get_color()) == (ours.get_marker(), ours.get_color())
    assert len(paper.get_xdata()) == 11
    assert paper.get_ydata()[0] == 0.6493
    assert paper.get_xdata()[0] == ours.get_xdata()[1]  # conv2
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()][:2] == ["conv1", "conv2"]
    assert not any("paper" in text.get_text() for text in sparsity_figure(outcome(network=tower(5))).legends[0].texts)


def test_accuracy_stands_at_its_words_with_its_interval() -> None:
    made = outcome(tasks=["cifar10"], methods=METHODS[:2])
    axes = accuracy_figure(made).axes[0]
    assert axes.get_xscale() == "log"
    bars = {container.get_label(): container for container in axes.containers}
    (line, _, (bar,)) = bars["mime"].lines
    assert line.get_xdata()[0] == pytest.approx(1_155_082)
    assert line.get_ydata()[0] == pytest.approx(76.0)
    low, high = bar.get_segments()[0][:, 1]
    assert high - low == pytest.approx(200 * made.children["cifar10", "mime"]["interval"])


def test_a_diverged_method_does_not_flatten_the_others(full: Outcome) -> None:
    curve = [row | {"loss": 1e6} for row in full.children["cifar10", "mime"]["curve"]]
    children = {**full.children, ("cifar10", "mime"): {**full.children["cifar10", "mime"], "curve": curve}}
    figure = curves_figure(replace(full, children=children))
    assert all(axes.get_ylim()[1] < 10 for axes in figure.axes if axes.get_ylabel() == "loss, nats")


@pytest.mark.parametrize("tasks", [["cifar10"], ["cifar10", "cifar100"]])
def test_fewer_tasks_methods_and_layers(tasks: list[str]) -> None:
    methods = [method for method in METHODS if method["scheme"] != "conventional"][:2]
    assert pictures(outcome(tasks=tasks, methods=methods, network=tower(1))).keys() == NAMES


def test_more_methods_than_colours() -> None:
    more = [METHODS[0] | {"name": f"mime-{number}"} for number in range(5)]
    scores = {f"mime-{number}": (0.7, 0.4, 0.8) for number in range(5)}
    made = outcome(methods=METHODS + more, accuracy=ACCURACY | scores)
    lines = sparsity_figure(made).axes[0].get_lines()
    styles = {(line.get_color(), line.get_marker()) for line in lines if not line.get_label().startswith("paper")}
    assert len(styles) == 12


def test_a_short_training_has_curves_of_one_point_or_none() -> None:
    made = outcome(tasks=["cifar10"], methods=METHODS[:2])
    curve = made.children["cifar10", "mime"]["curve"]
    children = {
        ("cifar10", "mime"): {**made.children["cifar10", "mime"], "curve": curve[:1]},
        ("cifar10", "conventional"): {**made.children["cifar10", "conventional"], "curve": []},
    }
    assert pictures(replace(made, children=children)).keys() == NAMES
