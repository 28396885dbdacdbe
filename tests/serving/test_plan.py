"""From options to streams."""

from __future__ import annotations

from pathlib import Path

import pytest

from mimesim.config import Workload, load_workload
from mimesim.errors import InputError
from mimesim.inputs import select
from mimesim.serving.arrivals import Bursty, Drawn, Poisson
from mimesim.serving.plan import Wanted, parse_numbers, plan_streams
from mimesim.serving.reference import Reference, measure_reference
from mimesim.serving.settings import Settings, Stream

REFERENCE = Reference("case-1", 200.0, 15.0)


@pytest.fixture(scope="module")
def workload() -> Workload:
    return load_workload("tiny", [])


def planned(workload: Workload, wanted: Wanted) -> list[Stream]:
    return plan_streams(workload, select(workload, "singular"), wanted, REFERENCE)


def test_numbers_are_lists_and_ranges() -> None:
    assert parse_numbers(None, "--load") == ()
    assert parse_numbers("0.5", "--load") == (0.5,)
    assert parse_numbers("0.2:1.2:0.2,2,1", "--load") == (0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 2.0)
    assert parse_numbers("1:2:3", "--load") == (1.0,)


@pytest.mark.parametrize("text", ["", "x", "1:2", "1:2:0", "2:1:1", "1:2:-1", "nan", "1,inf", "0:1:0.0001", "1:2:3:4"])
def test_bad_numbers_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^--load: "):
        parse_numbers(text, "--load")


def test_every_mix_is_served_at_every_rate(workload: Workload) -> None:
    streams = planned(workload, Wanted(loads=(0.5, 1.0), shares=(1.0, 0.5)))
    assert [(s.number, s.rate_per_s, s.load, s.mix) for s in streams] == [
        (0, 100.0, 0.5, "1/0/0"),
        (1, 200.0, 1.0, "1/0/0"),
        (2, 100.0, 0.5, "0.5/0.25/0.25"),
        (3, 200.0, 1.0, "0.5/0.25/0.25"),
    ]
    assert streams[3].arrivals == Drawn(
        Poisson(200.0), {"cifar10": 0.5, "cifar100": 0.25, "fashion_mnist": 0.25}, 3, 0, 10_000
    )


def test_a_rate_is_a_load_too(workload: Workload) -> None:
    (stream,) = planned(workload, Wanted(rates=(50.0,), seconds=2.0, seed=4, mixes=("cifar100=1",)))
    assert (stream.load, stream.rate_per_s, stream.mix) == (0.25, 50.0, "0/1/0")
    assert stream.arrivals.describe()["seconds"] == 2.0
    assert stream.arrivals.describe()["seed"] == 4


def test_bursts_take_their_options(workload: Workload) -> None:
    (stream,) = planned(workload, Wanted("bursty", burst_factor=3.0))
    assert isinstance(stream.arrivals, Drawn)
    assert stream.arrivals.process == Bursty(0.8 * 200.0, factor=3.0)


def test_a_file_is_one_stream(workload: Workload, tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text("arrival_s,task\n1,cifar10\n1.5,cifar100\n2,cifar10\n2,cifar10\n")
    (stream,) = planned(workload, Wanted(str(path)))
    assert (stream.rate_per_s, stream.load, stream.mix) == (3.0, 0.015, "0.75/0.25/0")
    path.write_text("arrival_s,task,image\n1,cifar10,3\n")
    with pytest.raises(InputError, match=r":2: image = '3': must be a whole number from 0 to 2"):
        planned(workload, Wanted(str(path)))


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(rates=(1.0,), loads=(1.0,)), "serve: give one of --rate and --load"),
        (Wanted(shares=(1.0,), mixes=("cifar10=1",)), "serve: give one of --mix and --shares"),
        (Wanted(burst_factor=2.0), "--burst-factor: is for --arrivals bursty"),
        (Wanted(requests=1, seconds=1.0), "serve: give one of --requests and --seconds"),
        (Wanted(loads=(0.0,)), "--load: 0.0: must be more than 0"),
        (Wanted(rates=(-2.0,)), "--rate: -2.0: must be a number of requests per second, more than 0"),
        (Wanted(mixes=("cifar10=1", "cifar10=1.0")), "--mix: '1/0/0': is given twice"),
        (Wanted("day.csv", rates=(1.0,)), "--rate: is not for recorded arrivals: the file decides it"),
        (Wanted("day.csv", seed=1), "--seed: is not for recorded arrivals: the file decides it"),
        (Wanted("day.csv"), "day.csv: there is no such file; --arrivals is poisson, bursty or a CSV file"),
    ],
)
def test_options_that_do_not_fit_are_refused(workload: Workload, wanted: Wanted, message: str) -> None:
    with pytest.raises(InputError) as error:
        planned(workload, wanted)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policies": ("lifo",)}, "--policy: 'lifo': there is no such policy; did you mean 'fifo'?"),
        ({"policies": ("fifo", "fifo")}, "--policy: 'fifo': is given twice"),
        ({"deadline_ms": -1.0}, "--deadline-ms: -1.0: must be a number, at least 0"),
        ({"wait_ms": float("inf")}, "--wait-ms: inf: must be a number, at least 0"),
        ({"queue": -1}, "--queue: -1: must be a number, at least 0"),
        ({"remembered": 0}, "--memo: 0: must be a number, at least 1"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as error:
        Settings(**{"policies": ("fifo",), "deadline_ms": 1.0, **options})  # type: ignore[arg-type]
    assert str(error.value) == message


def test_the_reference_is_a_case_in_full_batches(workload: Workload) -> None:
    selection = select(workload, "singular")
    first = measure_reference(workload, selection)
    assert first == measure_reference(workload, selection, "case-1")
    assert first.requests_per_s * first.batch_ms == pytest.approx(3 * 1000)
    assert measure_reference(workload, selection, "case-3").requests_per_s > first.requests_per_s
    with pytest.raises(InputError, match="--reference: 'case-9': the workload has no such case; did you mean 'case-"):
        measure_reference(workload, selection, "case-9")
