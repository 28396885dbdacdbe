"""What a report needs of ``run.json``: checked, as it may be of an older version or of another hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from mimesim.config.explain import check
from mimesim.config.origin import Origin
from mimesim.errors import InputError
from mimesim.report.names import readable

__all__ = ["CaseRecord", "RunRecord", "parse_record"]

#: Text that somebody chose.
Text = Annotated[str, AfterValidator(readable)]


class _Record(BaseModel):
    """What a later version adds is no error."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CaseRecord(_Record):
    """What decided one case; the hardware as resolved, free in form."""

    case: Text
    title: Text = ""
    scheme: Text = ""
    skipping: Text = ""
    mode: Text
    trace: Text = ""
    trace_digest: Text = ""
    origin: Text = ""
    tasks: tuple[Text, ...] = ()
    hardware: dict[str, Any] = {}
    schedule: dict[str, Any] = {}

    @field_validator("hardware")
    @classmethod
    def _numbers(cls, hardware: dict[str, Any]) -> dict[str, Any]:
        for key in ("word_bits", "clock_mhz"):
            if not isinstance(hardware.get(key, 0), int | float):
                raise ValueError(f"{key} must be a number")
        return hardware

    @property
    def word_bytes(self) -> float:
        """Bytes of a word; two where an older run does not say."""
        return float(self.hardware.get("word_bits", 16)) / 8

    @property
    def clock_hz(self) -> float:
        """Cycles of the accelerator a second; 0 where the run does not say."""
        return float(self.hardware.get("clock_mhz", 0)) * 1e6

    @property
    def label(self) -> str:
        """The name, and the title where there is one."""
        return f"{self.case}: {self.title}" if self.title else self.case


class WorkloadRecord(_Record):
    """The workload that was run."""

    name: Text
    description: Text = ""
    tasks: Annotated[tuple[Text, ...], Field(min_length=1)]
    energy: dict[str, Any] = {}


class RunRecord(_Record):
    """A ``run.json`` of ``mimesim run``."""

    format: Literal["mimesim-run"]
    balanced: bool
    violations: tuple[Text, ...] = ()
    workload: WorkloadRecord
    cases: Annotated[tuple[CaseRecord, ...], Field(min_length=1)]
    versions: dict[Text, Text | None] = {}
    seeds: dict[Text, int | None] = {}

    @property
    def mode(self) -> str:
        """The mode of all cases."""
        return self.cases[0].mode


def parse_record(raw: bytes, path: Path) -> tuple[RunRecord, dict[str, Any]]:
    """Return the bytes of a ``run.json``, checked, and all that they say.

    Raises :class:`InputError` for what is not a record of ``mimesim run``.
    """
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), f"is not valid JSON ({error}); is the file truncated?") from None
    if not isinstance(data, dict) or data.get("format") != "mimesim-run":
        raise InputError(str(path), "was not written by mimesim")
    other = data.get("command", data.get("kind"))
    if other is not None or not data.keys() >= {"workload", "cases"}:
        command = "another command" if other is None else f"mimesim {readable(str(other))}"
        raise InputError(str(path), f"is of {command}; a report shows results of mimesim run")
    record = check(RunRecord, data, Origin(str(path)))
    names = [case.case for case in record.cases]
    if len(set(names)) < len(names):
        raise InputError(str(path), "two cases have one name", key="cases")
    return record, data
