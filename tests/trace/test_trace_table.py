from __future__ import annotations

from pathlib import Path

import pytest

from mimesim.errors import InputError
from mimesim.networks import build
from mimesim.trace import SparsityTable, TaskSparsity

HEADER = "table,scheme,task,layer,sparsity\n"


def test_the_papers_tables_ship() -> None:
    table = SparsityTable.shipped()
    assert table.source == "mime_sparsity.csv"
    assert table.schemes == ("mime", "conventional")
    assert table.tasks("mime") == table.tasks("conventional") == ("cifar10", "cifar100", "fashion_mnist")
    mime = table.row("mime", "cifar10")
    assert (mime.table, mime.test_accuracy, mime.classes) == ("II", 0.8357, 10)
    assert mime.sparsity["conv10"] == 0.6679
    plain = table.row("conventional", "cifar100")
    assert (plain.table, plain.test_accuracy, plain.classes) == ("III", 0.6055, 100)
    assert plain.sparsity["conv4"] == 0.4586
    assert table.row("mime", "fashion_mnist").sparsity["conv15"] == 0.6287
    listed = ["conv2", "conv4", "conv5", "conv7", "conv8", "conv9", "conv10", "conv12", "conv13", "conv14", "conv15"]
    assert all(list(row.sparsity) == listed for row in table.rows.values())


def test_missing_layers_take_the_nearest_the_earlier_of_two() -> None:
    net = build("vgg16", 32)
    row = SparsityTable.shipped().row("mime", "cifar10")
    nearest = {"conv1": "conv2", "conv3": "conv2", "conv6": "conv5", "conv11": "conv10", "pool1": "conv2"}
    for tensor, layer in (nearest | {"pool5": "conv13", "conv9": "conv9", "conv15": "conv15"}).items():
        assert row.at(net, tensor) == row.sparsity[layer], tensor


def test_layers_of_other_networks_go_by_position() -> None:
    net = build("tiny", 16)
    row = SparsityTable.shipped().row("mime", "cifar10")
    # conv1, conv2, depthwise, pointwise, head are the layers with weights; the addition follows the fourth.
    expected = {"conv1": "conv2", "conv2": "conv2", "pool": "conv2", "depthwise": "conv2", "add": "conv4"}
    for tensor, layer in expected.items():
        assert row.at(net, tensor) == row.sparsity[layer], tensor


def test_layers_go_by_name_where_the_network_has_them_all() -> None:
    row = TaskSparsity("mine", "s", "t", {"depthwise": 0.25, "conv1": 0.75})
    assert row.positions(build("tiny", 16)) == {3: 0.25, 1: 0.75}


def test_a_layer_that_is_neither_a_name_nor_a_position() -> None:
    row = TaskSparsity("mine", "s", "t", {"depthwise": 0.25, "conv8": 0.75})
    with pytest.raises(InputError, match="sparsity table mine: layer = 'depthwise': is neither a layer with weights"):
        row.positions(build("vgg16", 32))


def test_a_users_table(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_bytes(
        b"\xef\xbb\xbfscheme, task,table,layer,sparsity\r\nmime,a,T,conv1, 0.5\r\n\r\nmime,a,T,conv2,1\r\n"
    )
    table = SparsityTable.load(path)
    assert dict(table.row("mime", "a").sparsity) == {"conv1": 0.5, "conv2": 1.0}
    assert table.row("mime", "a").test_accuracy is None
    assert table.row("mime", "a").classes is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "mine.csv: line 1: the columns are table, scheme, task, layer, sparsity and .*'table' is missing"),
        ("table,scheme,task,layer\n", "'sparsity' is missing"),
        (HEADER.replace("\n", ",colour\n"), "found table, scheme, task, layer, sparsity, colour"),
        (HEADER.replace("\n", ",table\n"), "line 1: the columns are"),
        (HEADER, "mine.csv: holds no rows"),
        (HEADER + "T,s,t,conv1\n", "mine.csv: line 2: has 4 cells, expected 5"),
        (HEADER + "T,s,t,conv1,half\n", "line 2: sparsity = 'half': must be a number from 0 to 1"),
        (HEADER + "T,s,t,conv1,64.9\n", "line 2: sparsity = '64.9': must be a number from 0 to 1"),
        (HEADER + "T,s,t,conv1,nan\n", "line 2: sparsity = 'nan': must be a number from 0 to 1"),
        (HEADER + "T,s,t,conv1,-0.1\n", "line 2: sparsity = '-0.1': must be a number from 0 to 1"),
        (HEADER + "T,s,,conv1,0.5\n", "line 2: task: must not be empty"),
        (HEADER + "T,s,t,conv1,0\nT,s,t,conv1,1\n", "line 3: conv1: is listed twice for scheme 's' and task 't'"),
        (HEADER + "T,s,t,conv1,0\nU,s,t,conv2,1\n", "line 3: t: table, test_accuracy and classes must be the same"),
        (HEADER.replace("\n", ",classes\n") + "T,s,t,conv1,0,ten\n", "line 2: classes = 'ten': must be a whole number"),
        (HEADER.replace("\n", ",test_accuracy\n") + "T,s,t,c,0,83\n", "line 2: test_accuracy = '83': must be a number"),
        (HEADER + 'T,s,t,"conv1,0\n', "mine.csv: is not a CSV file"),
    ],
)
def test_a_bad_table(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        SparsityTable.load(tmp_path / "mine.csv")


def test_a_table_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(InputError, match=r"mine.csv: is not a CSV file"):
        SparsityTable.load(tmp_path / "mine.csv")
    with pytest.raises(InputError, match=r"none.csv: cannot be read \(No such file or directory\)"):
        SparsityTable.load(tmp_path / "none.csv")


def test_unknown_schemes_and_tasks() -> None:
    table = SparsityTable.shipped()
    with pytest.raises(InputError, match="scheme = 'pam': the table has no rows of this scheme; it has mime, conv"):
        table.tasks("pam")
    with pytest.raises(InputError, match=r"task = 'cifar': the table has no such task .*did you mean 'cifar1"):
        table.row("mime", "cifar")
    with pytest.raises(InputError, match=r"task = 'xyz': .* it has cifar10, cifar100, fashion_mnist"):
        table.row("mime", "xyz")
