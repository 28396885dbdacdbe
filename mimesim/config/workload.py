"""A workload: tasks, their traces, the cases to compare and the machine they run on."""

from __future__ import annotations

from os.path import normpath
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints, ValidationInfo, model_validator

from mimesim.config.base import Count, Strict, merge
from mimesim.config.dram import drop_standard
from mimesim.config.energy import Energy
from mimesim.config.envm import drop_technology
from mimesim.config.explain import check, suggest
from mimesim.config.hardware import Hardware
from mimesim.config.origin import KeyPath, Origin, dotted
from mimesim.config.schedule import Mode, Schedule, Skipping
from mimesim.errors import InputError

__all__ = ["Case", "Label", "Workload", "merge"]

#: What pandas reads as missing or as a truth value.
_TAKEN = frozenset({"na", "n/a", "nan", "null", "none", "true", "false"})


def _not_taken(name: str) -> str:
    if name.lower() in _TAKEN:
        raise ValueError("this name means something else in a table of results; choose another")
    return name


#: Names end up in file names and CSV cells, so they are kept plain.
Label = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=100),
    AfterValidator(_not_taken),
]
#: Checked as a whole once they are laid over what they change.
Overrides = dict[str, Any]
Model = TypeVar("Model", Hardware, Schedule)


class Case(Strict):
    """One thing to compare: a scheme on a trace, with what it changes about the machine."""

    name: Label = Field(description="what tables call it, and --set cases.NAME")
    title: str = Field("", description="what people read in tables and plots; the name if empty")
    scheme: Label = Field(description="how the tasks share parameters: conventional, pruned, mime and others")
    trace: Label = Field(description="which of the workload's traces it replays")
    tasks: dict[Label, str] = Field({}, description="tasks that have another name in the trace, with that name")
    skipping: Skipping = Field("per_position", description="what the machine does about zero activations")
    options: dict[str, Any] = Field({}, description="options of the scheme, which checks them")
    schedule: Overrides = Field({}, description="changes to the workload's schedule for this case")
    hardware: Overrides = Field({}, description="changes to the workload's hardware for this case")

    @property
    def label(self) -> str:
        """What to call the case where people read it."""
        return self.title or self.name

    def trace_task(self, task: str) -> str:
        """Return what a *task* of the workload is called in the trace."""
        return self.tasks.get(task, task)


class Workload(Strict):
    """Everything that decides a run but its mode.

    Paths in *traces* are relative to the folder of the file. *images_per_task* is how many images of each task are
    replayed; if null, a batch full: see :meth:`images_for`. Raises :class:`InputError` where entries contradict each
    other.
    """

    name: Label = Field(description="what results are called")
    description: str = Field("", description="for whoever reads the file")
    tasks: Annotated[tuple[Label, ...], Field(min_length=1)] = Field(
        description="tasks of the traces, in the order in which their images take turns"
    )
    batch_images: Count = Field(3, description="images in a batch")
    images_per_task: Count | None = Field(None, description="images replayed of each task; null: a batch full")
    traces: Annotated[dict[Label, str], Field(min_length=1)] = Field(
        description="folders of masks by the name that cases use, relative to this file"
    )
    cases: Annotated[tuple[Case, ...], Field(min_length=1)] = Field(description="what is compared, with the first")
    hardware: Hardware = Field(default_factory=Hardware)
    schedule: Schedule = Schedule()
    energy: Energy = Energy()

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Workload:
        """Check what takes more than one entry to see; an error names the entry's line."""
        if isinstance(info.context, Origin):
            self._origin = info.context
        for index, task in enumerate(self.tasks):
            if task in self.tasks[:index]:
                raise self.error(("tasks", index), "names the same task twice", task)
            if task == "shared":
                raise self.error(("tasks", index), "is what results call the owner of what several tasks use", task)
        names = [case.name for case in self.cases]
        for index, case in enumerate(self.cases):
            if case.name in names[:index]:
                raise self.error(("cases", index, "name"), "another case has the same name", case.name)
            if case.trace not in self.traces:
                rule = f"is not listed under traces; {suggest(case.trace, self.traces)}"
                raise self.error(("cases", index, "trace"), rule, case.trace)
            named = [case.trace_task(task) for task in self.tasks]
            for task in self.tasks:
                if named.count(case.trace_task(task)) > 1:
                    rule = "stands for two tasks"
                    raise self.error(("cases", index, "tasks", task), rule, case.trace_task(task))
            hardware = self.hardware_for(case)
            dram = hardware.dram
            if self.energy.dram == "per_command" and not dram.currents:
                rule = f"case {case.name!r}: {dram.standard} has no currents, so its commands have no energy"
                raise self.error(("energy", "dram"), rule, self.energy.dram)
            if hardware.envm is not None and (unknown := self.energy.unknown_prices(hardware.envm)):
                rule = f"case {case.name!r}: {hardware.envm.technology} has no energy of its own here: give a price"
                raise self.error(("energy", "prices", unknown), rule)
            self.schedule_for(case)
        return self

    def images_for(self, mode: Mode, tasks: int | None = None) -> int:
        """Return how many images of each task are replayed, where *tasks* of them (all, if None) take part.

        Where the workload leaves it open: in ``singular`` mode a whole batch of each task; in ``pipelined`` mode as
        many as fill at least one batch together.
        """
        if self.images_per_task is not None:
            return self.images_per_task
        if mode == "singular":
            return self.batch_images
        return -(-self.batch_images // (len(self.tasks) if tasks is None else tasks))

    def error(self, path: KeyPath, rule: str, value: object = None) -> InputError:
        """Return the error that the entry at *path* breaks *rule*, with its file and line."""
        return InputError(self._origin.where(path), rule, key=dotted(path), value=value)

    def trace_folder(self, name: str) -> Path:
        """Return the folder of trace *name*."""
        # Shorter in messages than folder/../traces.
        return Path(normpath(self._origin.folder / self.traces[name]))

    def hardware_for(self, case: Case) -> Hardware:
        """Return the hardware that *case* runs on; raises :class:`InputError` if its changes do not fit."""
        return self._changed(self.hardware, case, "hardware", case.hardware)

    def schedule_for(self, case: Case) -> Schedule:
        """Return the schedule of *case*; raises :class:`InputError` if its changes do not fit."""
        return self._changed(self.schedule, case, "schedule", case.schedule)

    def _changed(self, base: Model, case: Case, key: str, changes: Overrides) -> Model:
        if not changes:
            return base
        values = base.model_dump()
        drop_standard(values.get("dram"), changes.get("dram"))
        drop_technology(values.get("envm"), changes.get("envm"))
        return check(type(base), merge(values, changes), self._origin, ("cases", self.cases.index(case), key))
