"""The CSV files of a training, read back by pandas."""

from __future__ import annotations

import io
from dataclasses import replace

import pandas as pd
import pytest

from mimesim.training.report.tables import ACCURACY, CURVES, SPARSITY, csv_files
from tests.training.report.outcomes import METHODS, configuration, outcome, tower


def read(text: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(text))


def test_pandas_reads_them_without_arguments() -> None:
    made = outcome()
    found = {name: read(text) for name, text in csv_files(made).items()}
    assert {name: tuple(table.columns) for name, table in found.items()} == {
        "accuracy.csv": ACCURACY,
        "sparsity.csv": SPARSITY,
        "curves.csv": CURVES,
    }
    accuracy = found["accuracy.csv"].set_index(["task", "method"])
    assert len(accuracy) == 3 * len(METHODS)
    for (task, method), metrics in made.children.items():
        row = accuracy.loc[(task, method)]
        assert row.accuracy == metrics["accuracy"]
        assert row.interval == pytest.approx(metrics["interval"], abs=1e-6)
        assert (row.test_images, row.train_images, row.rate) == (2000, 5000, 0.01)
        assert row.to_fine_tuning == pytest.approx(
            metrics["accuracy"] - made.children[task, "conventional"]["accuracy"], nan_ok=method == "conventional"
        ) or pd.isna(row.to_fine_tuning)
    assert pd.isna(accuracy.loc[("cifar10", "conventional")].to_fine_tuning)
    assert accuracy.loc[("cifar10", "mime")].paper_accuracy == 0.8357
    assert pd.isna(accuracy.loc[("cifar10", "mime-channel")].paper_accuracy)
    assert accuracy.loc[("cifar10", "conventional")].own_words_share == 1
    numbers = accuracy.drop(columns="scheme")
    assert all(pd.api.types.is_numeric_dtype(kind) for kind in numbers.dtypes)


def test_every_recorded_layer_has_a_row() -> None:
    made = outcome()
    table = read(csv_files(made)["sparsity.csv"])
    one = table[(table.task == "cifar100") & (table.method == "mime")].set_index("layer")
    assert tuple(one.index) == made.network.recorded
    for layer, value in one.sparsity.items():
        assert value == pytest.approx(made.children["cifar100", "mime"]["sparsity"][layer], abs=1e-6)
    assert one.paper.dropna().to_dict()["conv2"] == 0.6522
    assert one.paper.count() == 11


def test_the_curves_of_parent_children_and_trials() -> None:
    made = outcome()
    table = read(csv_files(made)["curves.csv"])
    stages = {"parent"} | {f"{task}-{name}" for task, name in made.children}
    trials = {f"trials/{task}-{name}-{rate:g}" for task, name in made.children for rate in (0.001, 0.01, 0.05)}
    assert set(table.stage) == stages | trials
    parent = table[table.stage == "parent"]
    assert list(parent.step) == list(range(20, 3001, 20))
    assert sorted(set(parent.size_px)) == [32, 64]
    assert parent.loss.iloc[0] == pytest.approx(made.parent["curve"][0]["loss"], abs=1e-6)


def test_the_mean_is_over_convolutions_and_additions_behind_an_activation() -> None:
    made = outcome(network=tower(4), tasks=["cifar10"], methods=METHODS[:2])
    sparsity = {"features.0.conv.0.0": 0.4, "features.1.conv.0.0": 0.6, "features.3.conv.0.0": 0.8}
    children = {
        key: {**metrics, "sparsity": metrics["sparsity"] | sparsity | {"features.2.conv.0.0": 0.01, "avgpool": 0.1}}
        for key, metrics in made.children.items()
    }
    table = read(csv_files(replace(made, children=children))["accuracy.csv"])
    assert list(table.mean_sparsity) == [0.6, 0.6]


def test_the_papers_rows_are_for_its_network_alone() -> None:
    files = csv_files(outcome(network=tower(3)))
    assert read(files["accuracy.csv"]).paper_accuracy.isna().all()
    assert read(files["sparsity.csv"]).paper.isna().all()


def test_without_fine_tuning_without_trials_and_with_a_parent_from_elsewhere() -> None:
    methods = [method | {"rates": [0.01]} for method in METHODS if method["scheme"] != "conventional"]
    made = outcome(configuration(methods=methods, trials=None))
    files = csv_files(replace(made, parent={"stage": "parent", "weights": "imagenet"}))
    accuracy, curves = read(files["accuracy.csv"]), read(files["curves.csv"])
    assert accuracy.to_fine_tuning.isna().all()
    assert accuracy.own_words_share.between(0, 1).all()
    assert not curves.stage.str.startswith(("parent", "trials")).any()


def test_equal_outcomes_give_equal_bytes() -> None:
    assert csv_files(outcome()) == csv_files(outcome())
