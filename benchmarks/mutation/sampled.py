"""Mutants that a library makes: all that cosmic-ray knows to make of a room, and a sample of them."""

from __future__ import annotations

import ast
import difflib
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.mutation.fault import ROOT, Fault

__all__ = ["ROOMS", "SEED", "sample"]

ROOMS = ("mimesim/machine", "mimesim/schedule", "mimesim/schemes")
SEED = 2022


def sample(count: int) -> list[Fault]:
    """Return *count* of all mutants of :data:`ROOMS`, each as likely as any other, the same ones every time."""
    files = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
    everything = [(path, *mutation) for path in files for mutation in mutations(path)]
    random.Random(SEED).shuffle(everything)
    found = (fault for path, name, occurrence in everything if (fault := mutant(path, name, occurrence)) is not None)
    return sorted(islice(found, count), key=lambda fault: (fault.path, fault.offset))


def mutations(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (operator, occurrence) for all that can be done to a file, but to its annotations: these are not run."""
    from cosmic_ray.ast import ast_nodes, get_ast_from_path
    from cosmic_ray.plugins import get_operator, operator_names

    annotations = [_span(node) for node in _annotations(ast.parse(path.read_text(encoding="utf-8")))]
    nodes = list(ast_nodes(get_ast_from_path(path)))
    for name in sorted(operator_names()):
        operator = get_operator(name)
        if operator.arguments():
            # These have to be told which names to replace.
            continue
        places = [place for node in nodes for place in operator().mutation_positions(node)]
        for occurrence, (start, end) in enumerate(places):
            if not any(first <= start and end <= last for first, last in annotations):
                yield name, occurrence


def mutant(path: Path, name: str, occurrence: int) -> Fault | None:
    """Return what becomes of a file, or None where that is no program, or the same one."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = path.read_text(encoding="utf-8")
    mutated = mutate_code(source, get_operator(name)(), occurrence)
    if mutated is None or not _differs(mutated, ast.dump(ast.parse(source))):
        return None
    return _fault(path, name.removeprefix("core/"), source, mutated)


def _differs(mutated: str, original: str) -> bool:
    """Tell whether a mutant is a program, and another one than the dump of the *original*."""
    try:
        return ast.dump(ast.parse(mutated)) != original
    except SyntaxError:
        return False


def _fault(path: Path, name: str, source: str, mutated: str) -> Fault:
    """Return the fault that makes *mutated* of *source*: the lines that differ."""
    old, new = source.splitlines(keepends=True), mutated.splitlines(keepends=True)
    changes = [change for change in difflib.SequenceMatcher(None, old, new).get_opcodes() if change[0] != "equal"]
    first, last = changes[0], changes[-1]
    offset = len("".join(old[: first[1]]))
    before, after = "".join(old[first[1] : last[2]]), "".join(new[first[3] : last[4]])
    return Fault(name, str(path.relative_to(ROOT)), offset, before, after)


def _annotations(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        if isinstance(node, ast.FunctionDef) and node.returns is not None:
            yield node.returns


def _span(node: ast.expr) -> tuple[tuple[int, int], tuple[int, int]]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
