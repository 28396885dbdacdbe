"""How many points of a sweep a core replays in a second, and how far more workers help."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.drawn import draw_workload
from benchmarks.many_workers import Handed, waiting_workers
from benchmarks.measure import PYTHON, cost_of
from benchmarks.section import Check, Options, Section
from mimesim.networks import build

__all__ = ["sweep"]

#: Points of other DRAM and caches, which shapes do not depend on.
_MANY, _FEW = 240, 24
#: Workers that wait in the place of replaying, and points for each of them.
_WAITING, _EACH = (1, 2, 4, 8, 16, 32), 60
#: Each of these cuts the layers anew.
_SHAPES = {"hardware.grid.channels": [16, 32, 64, 128], "hardware.activation_block.channels": [4, 8, 16]}


@dataclass(frozen=True)
class _Run:
    """What ``run.json`` says of a sweep, in CPU seconds but for *wall*."""

    points: int
    workers: int
    start: float
    first: float
    replays: float
    own: float
    wall: float

    @property
    def whole(self) -> float:
        """Points per second and core, with the start of the workers."""
        return self.points / (self.start + self.replays)

    @property
    def steady(self) -> float:
        """Points per second and core, without the start of the workers and the first point of each."""
        return (self.points - self.workers) / (self.replays - self.first)


def sweep(options: Options) -> Section:
    """Points of a sweep per second and core, what a second worker adds, and what the process that hands out takes."""
    place = options.place("sweep")
    draw_workload(place, build("vgg16", min(64, max(options.sizes))), ("case-3",))
    for name, grid in (("many", _memories(_MANY)), ("few", _memories(_FEW)), ("shapes", _SHAPES)):
        _write(place / f"{name}.yaml", grid)
    known = ["--cache", "counts"]
    head = "| points | workers | counts | start s | first s | points/s and core | with the start | parent s | wall s |"
    details = [head, "|---|---|---|---|---|---|---|---|---|"]

    def add(what: str, counts: str, workers: int, run: _Run) -> None:
        start, first = run.start / workers, run.first / workers
        details.append(
            f"| {run.points}, {what} | {workers} | {counts} | {start:.2f} | {first:.2f} | {run.steady:.2f} "
            f"| {run.whole:.2f} | {run.own:.2f} | {run.wall:.1f} |"
        )

    one = ["--jobs", "1"]
    add("DRAM and caches", "not kept", 1, _run(place, "many", *one, "--cache", "off"))
    _run(place, "few", *one, *known)
    # In turns, for other work on the machine comes and goes.
    runs = [[_run(place, "many", "--jobs", str(jobs), *known) for jobs in (1, 2)] for _ in range(options.repeats)]
    alone, both = ([pair[number] for pair in runs] for number in (0, 1))
    best = [min(side, key=lambda run: run.replays) for side in (alone, both)]
    for workers, run in enumerate(best, 1):
        add("DRAM and caches", "known", workers, run)
    for counts in ("kept", "known"):
        add("grid and blocks", counts, 1, _run(place, "shapes", *one, *known))
    few = min((_run(place, "few", *one, *known) for _ in range(options.repeats)), key=lambda run: run.own)
    point = 1 / best[0].steady
    parents = {"processes of its own": _per_point(alone, few)}
    if find_spec("distributed"):
        with _cluster(place) as address:
            far = ["--scheduler", address, *known]
            _run(place, "few", *far)
            pair = [[_run(place, name, *far) for _ in range(options.repeats)] for name in ("many", "few")]
            parents["Dask"] = _per_point(pair[0], min(pair[1], key=lambda run: run.own))
    handed = [_waiting(place, workers, point) for workers in _WAITING]
    details += [
        "",
        "VGG16 with thresholds, one image of each of three tasks, pipelined. CPU time; where counts are known the best",
        f"of {options.repeats}. Start: a worker until its first point; first: that point, which reads and checks the",
        "trace; parent: the process that reads, hands out and keeps points, its start-up left out.",
        "",
        *(
            f"- A point takes the parent {1000 * own:.2f} ms with {what}, a worker {1000 * point:.0f} ms: growth ends "
            f"near {point / own:.0f} workers."
            for what, own in parents.items()
        ),
        "",
        "| workers that wait as long as a replay takes | points | points/s | of linear |",
        "|---|---|---|---|",
        *(f"| {each.workers} | {each.points} | {each.rate:.1f} | {each.linear:.0%} |" for each in handed),
        "",
        f"All of a sweep but the replays, in whose place a worker sleeps {1000 * point:.0f} ms: reading, handing out,",
        f"messages, keeping, writing; {_EACH} points for each worker. All share the cores of this machine.",
    ]
    walls = min(run.wall for run in alone) / min(run.wall for run in both)
    share = parents["processes of its own"] / point
    return Section(
        "Sweeps",
        [
            _rate("design points per second and core, 64 px", best[0].steady),
            _rate(f"the same, {_MANY} points with the start of the worker", best[0].whole),
            Check("CPU of a point, two workers / one", f"{best[0].steady / best[1].steady:.2f}x", "", True),
            Check(f"{_MANY} points with one worker / with two, wall", f"{walls:.2f}x", "at least 1.7x", walls >= 1.7),
            next(_linear(each) for each in handed if each.workers == 16),
            Check("CPU of a point, the parent / a worker", f"{share:.1%}", "", True),
        ],
        details,
    )


def _linear(handed: Handed) -> Check:
    what = f"points per second with {handed.workers} workers that wait, of linear growth"
    return Check(what, f"{handed.linear:.0%}", "at least 85 %", handed.linear >= 0.85)


def _memories(points: int) -> dict[str, list[int]]:
    """Return a grid of so many points that share all shapes."""
    sizes = [26 * number for number in range(1, points // 6 + 1)]
    return {
        "hardware.dram.channels": [1, 2],
        "hardware.caches.weights_kib": [26, 52, 104],
        "hardware.caches.activations_kib": sizes,
    }


def _write(file: Path, grid: dict[str, list[int]]) -> None:
    lines = ["name: bench", "workload: workload.yaml", "images: 1", f"design: {{grid: {json.dumps(grid)}}}", ""]
    file.write_text("\n".join(lines), encoding="utf-8")


def _waiting(place: Path, workers: int, seconds: float) -> Handed:
    file = place / f"waiting-{workers}.yaml"
    _write(file, _memories(_EACH * workers))
    return waiting_workers(file, place / f"waiting-{workers}", workers, seconds)


def _rate(what: str, rate: float) -> Check:
    return Check(what, f"{rate:.1f}", "at least 5", rate >= 5)


def _run(place: Path, name: str, *arguments: str) -> _Run:
    """Run a sweep that knows no point from before, as a user starts it."""
    number = len(list(place.glob("out-*")))
    out, points = place / f"out-{number}", place / f"points-{number}"
    files: list[str | Path] = [place / f"{name}.yaml", "--out", out, "--points", points]
    cost_of([PYTHON, "-m", "mimesim", "sweep", *files, "--quiet", *arguments], place)
    seen = json.loads((out / "run.json").read_text(encoding="utf-8"))["measured"]
    start, first, replays, own = (seen[f"{part}cpu_seconds"] for part in ("start_", "first_", "", "own_"))
    return _Run(seen["replayed"], seen["workers"], start, first, replays, own, seen["wall_seconds"])


def _per_point(many: list[_Run], few: _Run) -> float:
    """Return what one more point takes the parent: what it does once, such as checking the trace, falls out."""
    most = min(many, key=lambda run: run.own)
    return (most.own - few.own) / (most.points - few.points)


@contextmanager
def _cluster(place: Path) -> Iterator[str]:
    """Start a scheduler of Dask and one worker by their commands."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, dask = f"tcp://127.0.0.1:{port}", [PYTHON, "-m", "dask"]
    commands = [
        [*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
        [*dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", "dask"],
    ]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    with (place / "dask.log").open("w") as log:
        running = [subprocess.Popen(each, cwd=place, env=environment, stdout=log, stderr=log) for each in commands]
        try:
            for _ in range(600):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield address
        finally:
            for process in running:
                process.kill()
                process.wait()
