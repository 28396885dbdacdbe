"""The report of a training: what it says follows from the numbers, and from nothing else."""

from __future__ import annotations

import builtins
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimesim.errors import InputError
from mimesim.training.report import document as report_module
from mimesim.training.report.claims import what_it_says
from mimesim.training.report.document import report, write_results
from mimesim.training.report.outcome import Outcome
from mimesim.training.report.verdict import Difference, claim, compare, difference
from tests.training.report.outcomes import METHODS, configuration, outcome, tower


def two(mime: float, conventional: float, images: int = 2000, **others: float) -> Outcome:
    """One task, MIME, fine-tuning and *others* by name (``_`` for ``-``)."""
    scores = {name.replace("mime_", "mime-"): (score,) for name, score in others.items()}
    names = {"mime", "conventional", *scores}
    methods = [method for method in METHODS if method.get("name", method["scheme"]) in names]
    return outcome(accuracy={"mime": (mime,), "conventional": (conventional,), **scores}, images=images,
                   tasks=["cifar10"], methods=methods)  # fmt: skip


def said(made: Outcome) -> str:
    return "\n".join(what_it_says(made))


# ---- the judgement ---------------------------------------------------------------------------------------------------


def test_a_difference_of_two_binomials() -> None:
    found = difference({"accuracy": 0.8, "images": 2000}, {"accuracy": 0.75, "images": 1000})
    assert found.value == pytest.approx(0.05)
    assert found.margin == pytest.approx(1.96 * math.sqrt(0.8 * 0.2 / 2000 + 0.75 * 0.25 / 1000), rel=2e-3)


def test_a_paired_difference_counts_only_what_one_of_the_two_gets_right() -> None:
    right = np.zeros((2, 2000), dtype=bool)
    right[0, :1600], right[1, 100:1550] = True, True  # 150 by the first only, none by the second only
    one, other = (
        {"accuracy": row.mean(), "images": 2000, "correct": np.packbits(row).tobytes().hex()} for row in right
    )
    found = difference(one, other)
    assert found.value == pytest.approx(0.075)
    assert found.margin == pytest.approx(1.96 * math.sqrt((0.075 - 0.075**2) / 2000), rel=0.02)
    assert difference(other, one).value == pytest.approx(-0.075)
    unpaired = difference(one | {"correct": ""}, other)
    assert unpaired.margin > 1.5 * found.margin


def test_nothing_right_out_of_few_is_no_certainty() -> None:
    nothing = {"accuracy": 0.0, "images": 20}
    assert difference(nothing, nothing).margin > 0.1


@pytest.mark.parametrize(
    ("value", "margin", "verdict"),
    [
        (-0.005, 0.01, "within"), (0.03, 0.04, "within"), (-0.01, 0.02, "cannot be told"),
        (-0.03, 0.02, "cannot be told"), (0.0, 0.03, "cannot be told"), (-0.05, 0.02, "not within"),
    ],
)  # fmt: skip
def test_the_claim_holds_where_the_whole_interval_does(value: float, margin: float, verdict: str) -> None:
    assert claim(Difference(value, margin)) == verdict


@pytest.mark.parametrize(
    ("value", "margin", "verdict"),
    [
        (0.03, 0.02, "better"), (0.01, 0.02, "as well"), (-0.005, 0.01, "as well"), (0.0, 0.03, "cannot be told"),
        (-0.02, 0.03, "cannot be told"), (-0.05, 0.02, "worse"), (-0.015, 0.004, "as well"),
    ],
)  # fmt: skip
def test_a_control_against_mime(value: float, margin: float, verdict: str) -> None:
    assert compare(Difference(value, margin)) == verdict


# ---- what it says of it ----------------------------------------------------------------------------------------------


def test_within() -> None:
    text = said(two(0.86, 0.84))
    assert "Here, for `mime`: **within** on CIFAR-10." in text
    assert "| CIFAR-10 | +2.0 ± 2.2 | -0.7 | 1,155,082 (2.9 %) | **within** |" in text
    assert "*paired*" in text


def test_not_within() -> None:
    text = said(two(0.76, 0.84))
    assert "**not within** on CIFAR-10." in text
    assert "| CIFAR-10 | -8.0 ± 2.5 | -0.7 | 1,155,082 (2.9 %) | **not within** |" in text


def test_undecidable() -> None:
    assert "| CIFAR-10 | -1.0 ± 2.3 | -0.7 | 1,155,082 (2.9 %) | **cannot be told** |" in said(two(0.83, 0.84))
    # of ten times as many images the same accuracies say more
    assert "| -1.0 ± 0.7 | -0.7 | 1,155,082 (2.9 %) | **within** |" in said(two(0.83, 0.84, images=20000))


def test_where_fine_tuning_has_learned_nothing_nothing_is_claimed() -> None:
    text = said(two(0.13, 0.103, images=20000))
    assert "**cannot be told**: conventional is not above chance itself" in text


def test_a_cheaper_control_that_is_better() -> None:
    text = said(two(0.76, 0.84, head=0.61, batch_norm=0.80, mime_channel=0.765))
    assert "CIFAR-10: yes, `batch_norm` (better)." in text
    assert "| CIFAR-10 | head | 40,970 (3.5 %) | -15.0 ± 2.8 | **worse** |" in text
    assert "| CIFAR-10 | batch_norm | 49,418 (4.3 %) | +4.0 ± 2.6 | **better** |" in text
    assert "| CIFAR-10 | mime-channel | 53,386 (4.6 %) | +0.5 ± 2.6 | **cannot be told** |" in text


def test_controls_that_are_all_worse_or_undecided() -> None:
    assert "CIFAR-10: no, all that is cheaper is worse." in said(two(0.84, 0.84, head=0.61, batch_norm=0.7))
    assert "CIFAR-10: cannot be told, `batch_norm` might." in said(two(0.84, 0.84, head=0.61, batch_norm=0.83))


def test_what_needs_more_words_than_mime_is_no_cheaper_control() -> None:
    text = said(two(0.76, 0.84, pruned=0.80, mime_batch_norm=0.83))
    assert "No method here has fewer words than `mime`" in text


def test_without_mime_or_fine_tuning_nothing_is_judged() -> None:
    channel = [method for method in METHODS if method.get("name") == "mime-channel"]
    assert "nothing to judge" in said(outcome(tasks=["cifar10"], methods=channel))
    text = said(outcome(tasks=["cifar10"], methods=METHODS[:1]))
    assert "No method fine-tunes all weights" in text


# ---- the whole of it -------------------------------------------------------------------------------------------------


def test_every_method_task_and_layer_is_there() -> None:
    made = outcome()
    text = report(made)
    for task, row in (("CIFAR-10", "83.6 | -8.0 ± 2.5 | 0.504 | 0.642 | 1,155,082 | 2.9 %"), ("CIFAR-100", "59.4 | ")):
        assert (
            f"| {task} | mime | {100 * made.children[task.lower().replace('-', ''), 'mime']['accuracy']:.1f} ±" in text
        )
        assert row in text
    assert text.count("\n| conv15 | ") == len(METHODS)
    assert "| conv2 | 0.550 | 0.649 | 0.550 | 0.652 | 0.550 | 0.608 |" in text
    assert "Tiny-ImageNet-100, 40,000 training images, 8 epochs at 32 px, then 2 epochs at 64 px" in text
    assert "3 per method; each trained for 50 % of the steps on all but a held-out 10 %" in text
    assert "| CIFAR-10 | mime | 0.001: 74.0 ± 3.8; **0.01**: 76.0 ± 3.7; 0.05: 74.0 ± 3.8 |  |" in text
    assert "made-up" not in text.replace("# Results of made-up", "")  # nothing of where it is written
    assert ".png" not in text


def test_a_rate_at_the_edge_of_those_tried_is_pointed_out() -> None:
    made = outcome(tasks=["cifar10"], methods=METHODS[:2])
    children = {key: {**metrics, "rate": 0.05} for key, metrics in made.children.items()}
    assert "**0.05**: 74.0 ± 3.8 | highest |" in report(replace(made, children=children))


def test_trials_whose_folders_are_gone_are_told_from_memory() -> None:
    made = outcome(tasks=["cifar10"], methods=METHODS[:2])
    children = {key: {**metrics, "trials": {"0.001": 0.7, "0.01": 0.75}} for key, metrics in made.children.items()}
    assert "| 0.001: 70.0; **0.01**: 75.0 |" in report(replace(made, children=children, trials={}))


def test_another_network_has_no_columns_of_the_paper() -> None:
    text = report(outcome(network=tower(53)))
    assert "paper" not in text.partition("## What it says")[0]
    assert "| features.0.conv.0.0 | 0.500 | 0.500 | 0.500 |" in text
    # features.2 has no activation, and its output no mask
    assert "features.2.conv.0.0" not in text


def test_parents_from_a_file_and_one_rate_for_all() -> None:
    methods = [method | {"rates": [0.01]} for method in METHODS]
    config = configuration(methods=methods, trials=None)
    config = config.model_copy(
        update={"parent": config.parent.model_copy(update={"weights": "/some/where/vgg.pth", "schedule": None})}
    )
    text = report(replace(outcome(config), parent={"stage": "parent", "weights": "/some/where/vgg.pth"}))
    assert "- Parent: weights from `vgg.pth`." in text
    assert "/some/where" not in text
    assert "one per method, given beforehand" in text
    assert "## Trials" not in text


# ---- files -----------------------------------------------------------------------------------------------------------


def test_all_files_are_written_twice_the_same(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    made = outcome(tasks=["cifar10"], methods=METHODS[:2])
    assert write_results(made, tmp_path / "one") == tmp_path / "one" / "results.md"
    write_results(made, tmp_path / "two")
    names = {"results.md", "accuracy.csv", "sparsity.csv", "curves.csv", "accuracy.png", "sparsity.png", "curves.png"}
    assert {path.name for path in (tmp_path / "one").iterdir()} == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    text = (tmp_path / "one" / "results.md").read_text(encoding="utf-8")
    assert [f"({name})" in text for name in sorted(names) if name.endswith(".png")] == [True] * 3


def test_without_matplotlib_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    write_results(outcome(tasks=["cifar10"], methods=METHODS[:2]), tmp_path)
    assert capsys.readouterr().err == "no plots: matplotlib is not installed (pip install 'mimesim[plot]')\n"
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".csv", ".csv", ".md"]
    assert ".png" not in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_what_cannot_be_written_is_named_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_module, "pictures", lambda _: {})
    made = outcome(tasks=["cifar10"], methods=METHODS[:2])
    write_results(made, tmp_path)
    before = (tmp_path / "accuracy.csv").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"accuracy.csv: cannot be written: No space left on device"):
        write_results(made, tmp_path)
    assert (tmp_path / "accuracy.csv").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_module, "pictures", lambda _: {})
    (tmp_path / "taken").write_text("here")
    with pytest.raises(InputError, match="taken"):
        write_results(outcome(tasks=["cifar10"], methods=METHODS[:2]), tmp_path / "taken")
