"""What the papers of the other systems claim, beside what the recorded traces of these systems hold.

Numbers of these papers come from other networks, data sets and budgets of training: they are printed beside ours, and
no band is made of them. Ours are counted by the simulator from the traces' networks; accuracies are the manifests'.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import prod
from typing import TYPE_CHECKING

from mimesim.config import Workload, load_workload, shipped_folder
from mimesim.config.workload import Case
from mimesim.inputs import build_schemes
from mimesim.network import Network, Node
from mimesim.schedule.costs import CostBook
from mimesim.schedule.images import Image
from mimesim.schemes import SHARED, Scheme, is_head
from mimesim.trace import Trace

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["SYSTEM_COLUMNS", "SystemRow", "compared", "parameter_words", "system_rows", "systems_table"]

SYSTEM_COLUMNS = ("system", "quantity", "published", "value", "note")

#: The workloads of the systems, and what rows each gives where it is shipped.
_WORKLOADS = ("pam", "memti", "dvn")
_PAM = "He et al., KDD 2021"
_MEMTI = "Donato et al., IEEE Micro 39(6), 2019"
_DVN = "Kim et al., CVPR 2019"


@dataclass(frozen=True, slots=True)
class SystemRow:
    """One row: what a paper says, and our value; None where no trace of the system is at hand."""

    system: str
    quantity: str
    published: str
    value: float | None
    note: str = ""


@dataclass(frozen=True)
class _Recorded:
    """A case of a workload with its trace and scheme."""

    case: Case
    trace: Trace
    scheme: Scheme

    def accuracy(self, task: str) -> str:
        """Return the test accuracy in percent as text."""
        found = self.trace.entry(task).test_accuracy
        return "-" if found is None else f"{100 * found:.1f}"


def system_rows() -> tuple[SystemRow, ...]:
    """Return the rows of all systems, from the shipped workloads ``pam``, ``memti`` and ``dvn``."""
    return tuple(chain.from_iterable(_shipped(name) for name in _WORKLOADS))


def systems_table(rows: Sequence[SystemRow]) -> RenderableType:
    """Return the rows as a table for :mod:`rich` to print."""
    from rich.table import Table

    table = Table(title="What the other systems' papers claim", title_justify="left", pad_edge=False, box=None)
    table.add_column("quantity")
    table.add_column("published")
    table.add_column("ours", justify="right", no_wrap=True)
    table.add_column("note", ratio=1)
    for row in rows:
        value = "-" if row.value is None else f"{row.value:.3f}"
        table.add_row(f"{row.system}: {row.quantity}", row.published, value, row.note)
    return table


def _shipped(name: str) -> Iterator[SystemRow]:
    path = shipped_folder() / f"{name}.yaml"
    workload = load_workload(path) if path.is_file() else None
    folders = [] if workload is None else [workload.trace_folder(each) for each in workload.traces]
    if workload is None or not all((folder / "manifest.json").is_file() for folder in folders):
        yield SystemRow(name.upper(), "all", _MISSING[name], None, "no trace of it is shipped")
        return
    yield from compared(name, workload)


_MISSING = {
    "pam": f"up to 4.87x and 2.01x less computation ({_PAM})",
    "memti": f"10 % of the parameters per task ({_MEMTI})",
    "dvn": f"one network for k tasks and n budgets ({_DVN})",
}


def compared(system: str, workload: Workload) -> Iterator[SystemRow]:
    """Yield the rows of *system*, ``pam``, ``memti`` or ``dvn``, from the traces of *workload*.

    Cases are found by the names ``separate``, ``pam`` and ``mtz``, or by their scheme, ``memti`` and ``dvn``. Raises
    :class:`InputError` for a trace that is damaged.
    """
    schemes = build_schemes(workload)
    traces: dict[str, Trace] = {}
    found: list[_Recorded] = []
    for case in workload.cases:
        if case.trace not in traces:
            traces[case.trace] = Trace.load(workload.trace_folder(case.trace))
        found.append(_Recorded(case, traces[case.trace], schemes[case.name]))
    if system == "dvn":
        return _budgets(found)
    return _computation(found, workload) if system == "pam" else _own_share(found, workload)


def _computation(cases: list[_Recorded], workload: Workload) -> Iterator[SystemRow]:
    """PAM: dense MACs of every combination of tasks on one picture, of what is not merged or merged otherwise."""
    by_name = {each.case.name: each for each in cases}
    book = CostBook()
    tasks = workload.tasks
    subsets = list(chain.from_iterable(combinations(tasks, count) for count in range(1, len(tasks) + 1)))
    for name, what, published in (
        ("separate", "separate networks", f"up to 4.87x ({_PAM})"),
        ("mtz", "networks zipped first (MTZ)", f"up to 2.01x ({_PAM})"),
    ):
        if name not in by_name or "pam" not in by_name:
            yield SystemRow("PAM", f"less computation than {what}", published, None, "no trace of it is shipped")
            continue
        for subset in subsets:
            mine, theirs = (_dense_macs(by_name[each], subset, workload, book) for each in ("pam", name))
            pairs = [f"{task} {by_name['pam'].accuracy(task)} | {by_name[name].accuracy(task)}" for task in subset]
            note = f"{theirs / 1e6:.2f} / {mine / 1e6:.2f} million MACs; accuracy in %, PAM | these: {', '.join(pairs)}"
            quantity = f"less computation than {what}: {' + '.join(subset)}"
            yield SystemRow("PAM", quantity, published, theirs / mine, note)


def _dense_macs(each: _Recorded, tasks: tuple[str, ...], workload: Workload, book: CostBook) -> int:
    """Return the MACs of one picture for some tasks, what they share once, if no activation were zero."""
    image = Image(0, "+".join(tasks), 0, each.trace)
    geometries = book.geometries(each.trace.network, workload.hardware_for(each.case))
    running = [geometry for geometry in geometries if image.runs(geometry.operation.unit)]
    return sum(book.costs(geometry, image, "none").macs(None) for geometry in running)


def _own_share(cases: list[_Recorded], workload: Workload) -> Iterator[SystemRow]:
    """MEMTI: the words that a task alone needs, over all that it needs."""
    each = next((case for case in cases if case.case.scheme == "memti"), None)
    published = f"10 % of all parameters ({_MEMTI})"
    for task in workload.tasks if each is not None else ():
        assert each is not None  # noqa: S101 - else there is no task
        words = parameter_words(each.trace.network, each.scheme, Image(0, task, 0, each.trace))
        heads = [node for node in each.trace.network.layers if is_head(node)]
        head = sum(each.trace.network.weight_words(node) + node.shape[0] for node in heads)
        note = f"{words[task]:,} of {words.total():,} words, {head:,} of them the head; "
        note += f"accuracy {each.accuracy(task)} %"
        yield SystemRow("MEMTI", f"own share of the parameters: {task}", published, words[task] / words.total(), note)


def _budgets(cases: list[_Recorded]) -> Iterator[SystemRow]:
    """DVN: what each virtual network needs in memory, over all that is stored."""
    each = next((case for case in cases if case.case.scheme == "dvn"), None)
    if each is None:
        return
    network, names = each.trace.network, list(each.trace.tasks)
    words = {name: parameter_words(network, each.scheme, Image(0, name, 0, each.trace)) for name in names}
    shared = sum(
        network.weight_words(node)
        for node in network.layers
        if node.has_weights and each.scheme.parameters(node, names[0]).weights_owner == SHARED
    )
    stored = shared + sum(words[name][name] for name in names)
    for name in names:
        needed = words[name].total()
        note = f"{needed:,} of {stored:,} words of all virtual networks; accuracy {each.accuracy(name)} %"
        published = f"a budget of memory chooses among levels ({_DVN})"
        yield SystemRow("DVN", f"words in memory, of all: {name}", published, needed / stored, note)


def parameter_words(network: Network, scheme: Scheme, image: Image) -> Counter[str]:
    """Return the words of dense weights and norm that *image* needs, by their owner."""
    words: Counter[str] = Counter()
    for node in network.layers:
        if not node.has_weights or not image.runs(node.unit):
            continue
        task = image.runner(node.unit)
        needed = scheme.parameters(node, task)
        words[needed.weights_owner] += _present_words(network, node, image)
        if needed.norm == "folded":
            words[needed.weights_owner] += node.shape[0]
        elif needed.norm == "task":
            words[task] += 2 * node.shape[0]
        for branch in node.branches:
            if image.runs(network.node(branch.input).unit):
                owner = scheme.branch(node, branch, task).weights_owner
                words[owner] += prod(network.branch_shape(node, branch))
    return words


def _present_words(network: Network, node: Node, image: Image) -> int:
    """Return the weights of those inputs of a node that *image* has."""
    outputs, _, *kernel = network.weight_shape(node)
    reads = [network.node(tensor) for tensor in node.inputs]
    return outputs * prod(kernel) * sum(read.shape[0] // node.groups for read in reads if image.runs(read.unit))
