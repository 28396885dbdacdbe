"""A whole workload: what is replayed, in which order, by how many processes, and what is refused before it starts."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from mimesim.config import Workload, load_workload, shipped_folder
from mimesim.errors import InputError
from mimesim.inputs import build_schemes, load_traces, select
from mimesim.network import Branch, Network, Node
from mimesim.networks import build
from mimesim.simulation import run_workload
from mimesim.trace import draw_trace


@pytest.fixture
def tiny() -> Workload:
    return load_workload("tiny")


def test_cases_keep_the_order_of_the_workload_and_their_settings(tiny: Workload) -> None:
    results = run_workload(tiny, "pipelined", jobs=1)
    assert [result.case for result in results] == ["case-1", "case-2", "case-3"]
    assert [result.skipping for result in results] == ["none", "per_position", "per_position"]
    assert [result.scheme for result in results] == ["conventional", "conventional", "mime"]
    for result, case in zip(results, tiny.cases, strict=True):
        assert (result.mode, result.title, result.trace, result.origin) == (
            "pipelined",
            case.title,
            case.trace,
            "drawn",
        )
        assert result.tasks == tiny.tasks
        assert result.violations == ()
        assert result.ledger.cycles > 0
        assert result.cpu_seconds > 0


def test_pipelined_takes_the_tasks_in_turn_and_singular_one_after_the_other(tiny: Workload) -> None:
    tasks = list(tiny.tasks)
    mixed = run_workload(tiny, "pipelined", images=2, jobs=1)[0]
    assert [image.task for image in mixed.images] == tasks * 2
    assert [image.batch for image in mixed.images] == [0, 0, 0, 1, 1, 1]
    alone = run_workload(tiny, "singular", images=2, jobs=1)[0]
    assert [image.task for image in alone.images] == [task for task in tasks for _ in range(2)]
    assert [image.batch for image in alone.images] == [0, 0, 1, 1, 2, 2]
    assert [image.number for image in alone.images] == [0, 1] * 3


def test_a_batch_is_filled_where_the_workload_leaves_it_open(tiny: Workload) -> None:
    assert len(run_workload(tiny, "pipelined", jobs=1)[0].images) == 3
    assert len(run_workload(tiny, "singular", jobs=1)[0].images) == 9
    assert len(run_workload(tiny, "pipelined", task="cifar100", jobs=1)[0].images) == 3


def test_one_task_is_the_same_in_both_modes(tiny: Workload) -> None:
    pipelined = run_workload(tiny, "pipelined", task="cifar10", jobs=1)
    singular = run_workload(tiny, "singular", task="cifar10", jobs=1)
    assert [result.ledger for result in pipelined] == [result.ledger for result in singular]
    assert {image.task for result in singular for image in result.images} == {"cifar10"}


def test_changes_of_a_case_reach_the_machine(tiny: Workload) -> None:
    changed = load_workload("tiny", ["cases.case-3.hardware.grid.channels=16", "cases.case-3.schedule.barrier=tile"])
    plain, small = run_workload(tiny, "pipelined", jobs=1), run_workload(changed, "pipelined", jobs=1)
    assert [a.ledger == b.ledger for a, b in zip(plain, small, strict=True)] == [True, True, False]
    assert small[2].hardware.grid.channels == 16
    assert small[2].schedule.barrier == "tile"
    assert small[2].ledger.cycles > plain[2].ledger.cycles


def test_the_number_of_processes_changes_nothing(tiny: Workload) -> None:
    assert run_workload(tiny, "singular", jobs=1) == run_workload(tiny, "singular", jobs=2)


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("setting", ["schedule.batch_order=layer_major", "schedule.batch_order=image_major"])
def test_progress_knows_the_end_from_the_start_and_reaches_it(jobs: int, setting: str) -> None:
    seen: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    workload = load_workload("tiny", [setting, "hardware.grid.positions=[8, 8]"])
    results = run_workload(
        workload, "singular", jobs=jobs, progress=lambda case, done, total: seen[case].append((done, total))
    )
    assert list(seen) == [result.case for result in results]
    for result in results:
        steps, totals = zip(*seen[result.case], strict=True)
        assert set(totals) == {result.ledger.passes}
        assert list(steps) == sorted(steps)
        assert (steps[0], steps[-1]) == (0, result.ledger.passes)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "hardware.caches.weights_kib=0.5",
            r"hardware\.caches\.weights_kib = 0\.5: case 'case-.': layer conv1 needs 448 w",
        ),
        (
            "cases.1.hardware.scratchpad.bytes=256",
            r"cases\.1\.hardware\.scratchpad\.bytes = 256: case 'case-2': one image",
        ),
    ],
)
def test_a_machine_too_small_is_located_in_the_workload(setting: str, message: str, jobs: int) -> None:
    with pytest.raises(InputError, match=f"^--set {setting}: {message}"):
        run_workload(load_workload("tiny", [setting]), "pipelined", jobs=jobs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "cifar"}, "run: task = 'cifar': the workload has no such task; did you mean 'cifar10'?"),
        ({"images": 0}, "run: images = 0: must be at least 1"),
        ({"jobs": 0}, "run: jobs = 0: must be at least 1"),
        ({"mode": "multi"}, "run: mode = 'multi': must be one of 'singular', 'pipelined', 'multitask'"),
        (
            {"images": 4},
            "{file}: images_per_task = 4: must be at most 3: trace 'conventional' ({traces}) holds 3 images",
        ),
    ],
)
def test_what_cannot_be_replayed_is_refused(tiny: Workload, arguments: dict[str, object], message: str) -> None:
    file, traces = shipped_folder() / "tiny.yaml", tiny.trace_folder("conventional")
    with pytest.raises(InputError) as caught:
        run_workload(tiny, **({"mode": "pipelined"} | arguments))  # type: ignore[arg-type]
    assert str(caught.value).startswith(message.format(file=file, traces=traces))


INPUTS = [
    (
        "tasks=[cifar10, svhn]",
        "tasks.1 = 'svhn': trace 'conventional' ({folder}/conventional) has no such task; known: ",
    ),
    (
        "cases.2.trace=conventional",
        "cases.2.trace = 'conventional': trace 'conventional' ({folder}/conventional) is of",
    ),
    ("cases.2.scheme=mine", "cases.2.scheme = 'mine': there is no such scheme; did you mean 'mime'?"),
    (
        "cases.2.options={granularty: channel}",
        "cases.2.options.granularty: scheme 'mime' has no such option; did you m",
    ),
    ("cases.2.options.granularity=layer", "cases.2.options.granularity = 'layer': must be 'neuron' or 'channel'"),
    ("cases.0.options.storage=dense", "cases.0.options.storage: scheme 'conventional' has no such option; known: none"),
    (
        "cases.2.options.granularity=channel",
        "cases.2.options.granularity = 'channel': trace 'mime' ({folder}/mime) was",
    ),
    (
        "traces.mime={folder}/small",
        "traces.mime = '{folder}/small': all traces must be of one network, but layer 'im",
    ),
    (
        "traces.mime={folder}/wide",
        "traces.mime = '{folder}/wide': all traces must be of one network, but layer 'he",
    ),
]


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the shipped traces, a mime trace that says how it was recorded, and traces of other networks."""
    folder = tmp_path_factory.mktemp("traces")
    shutil.copytree(shipped_folder().parent / "traces" / "tiny" / "conventional", folder / "conventional")
    for name, size, classes in (("mime", 16, 10), ("small", 8, 10), ("wide", 16, 11)):
        draw_trace(folder / name, network=build("tiny", size, classes), scheme="mime")
    manifest = folder / "mime" / "manifest.json"
    manifest.write_text(
        manifest.read_text().replace('"scheme_options": {}', '"scheme_options": {"threshold_granularity": "neuron"}')
    )
    return folder


def check(workload: Workload) -> None:
    build_schemes(workload)
    load_traces(workload, select(workload, "pipelined"))


@pytest.mark.parametrize(("setting", "message"), INPUTS, ids=[setting for setting, _ in INPUTS])
def test_cases_and_traces_must_fit_together(traces: Path, setting: str, message: str) -> None:
    setting, message = setting.replace("{folder}", str(traces)), message.replace("{folder}", str(traces))
    places = [f"traces.{name}={traces / name}" for name in ("conventional", "mime")]
    workload = load_workload("tiny", [*places, setting])
    with pytest.raises(InputError) as caught:
        check(workload)
    assert str(caught.value).startswith(f"--set {setting}: {message}")


def test_a_missing_or_damaged_trace_is_named(traces: Path, tmp_path: Path) -> None:
    missing = load_workload("tiny", [f"traces.mime={tmp_path / 'none'}"])
    with pytest.raises(InputError, match=f"^{tmp_path / 'none'}: there is no such directory; a trace is a directory"):
        run_workload(missing, "pipelined")
    damaged = shutil.copytree(traces / "mime", tmp_path / "damaged")
    (damaged / "cifar10.npz").write_bytes(b"short")
    with pytest.raises(InputError, match=rf"^{damaged / 'cifar10.npz'}: has sha256 .*changed or is truncated"):
        run_workload(load_workload("tiny", [f"traces.mime={damaged}"]), "pipelined")


def test_a_task_may_have_another_name_in_a_trace() -> None:
    swapped = load_workload(
        "tiny", ["tasks=[cifar10, cifar100]", "cases.case-3.tasks={cifar10: fashion_mnist, cifar100: cifar10}"]
    )
    plain = load_workload("tiny", ["tasks=[fashion_mnist, cifar10]"])
    ours, theirs = run_workload(swapped, "pipelined", jobs=1), run_workload(plain, "pipelined", jobs=2)
    assert [image.task for image in ours[2].images] == ["cifar10", "cifar100"] * 2
    assert ours[2].ledger.words() == theirs[2].ledger.words()
    assert ours[2].ledger.cycles == theirs[2].ledger.cycles
    assert ours[1] == run_workload(load_workload("tiny", ["tasks=[cifar10, cifar100]"]), "pipelined", jobs=1)[1]
    assert {owner for _, owner, _ in ours[2].ledger.stored_words} == {"shared", "cifar10", "cifar100"}
    assert run_workload(swapped, "pipelined", jobs=2) == ours


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("{cifar10: cifar10.3}", "cases.2.tasks.cifar10 = 'cifar10.3': trace 'mime' ({traces}) has no such task; did"),
        ("{cifar10: cifar100}", "cases.2.tasks.cifar10 = 'cifar100': stands for two tasks"),
    ],
)
def test_names_of_tasks_are_checked(tiny: Workload, names: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check(load_workload("tiny", [f"cases.case-3.tasks={names}"]))
    expected = message.format(traces=tiny.trace_folder("mime"))
    assert str(caught.value).startswith(f"--set cases.case-3.tasks={names}: {expected}")


def test_branches_and_units_may_differ_between_traces(tmp_path: Path) -> None:
    plain = build("tiny", 16)
    conv = next(node for node in plain.nodes if node.kind == "conv" and node.groups == 1)
    side = Node(name="side", kind="conv", inputs=conv.inputs, shape=(2, *conv.shape[1:]))
    branch = Branch(name="update", input="side")

    def trace(name: str, nodes: tuple[Node, ...]) -> str:
        draw_trace(tmp_path / name, network=Network(name=name, nodes=nodes), scheme="mime", images=3)
        return f"traces.mime={tmp_path / name}"

    beside: list[Node] = []
    for node in plain.nodes:
        beside += [side, node.model_copy(update={"branches": (branch,)})] if node is conv else [node]
    check(load_workload("tiny", [trace("beside", tuple(beside))]))
    units = tuple(node if node.kind == "input" else node.model_copy(update={"unit": "all"}) for node in plain.nodes[:3])
    check(load_workload("tiny", [trace("units", units)]))
    with pytest.raises(InputError, match="all traces must be of one network, but it has 3 layers and"):
        check(load_workload("tiny", [trace("short", plain.nodes[:3])]))
