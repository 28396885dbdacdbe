"""Find, read and check a standard for requests of 64 bytes: a shipped one by its name, or a YAML file."""

from __future__ import annotations

from collections.abc import Iterable

from mimesim.config import Override
from mimesim.config.explain import check, suggest
from mimesim.config.origin import Origin
from mimesim.config.overrides import lay_over
from mimesim.config.shipped import shipped_standards, standard_path
from mimesim.config.standard import Part, Standard
from mimesim.config.yaml_file import read_yaml
from mimesim.dram.address import REQUEST_BYTES
from mimesim.errors import InputError

__all__ = ["load_standard", "require_requests", "shipped_standards"]

#: What a controller that issues one command a clock cannot do without; the machine can.
_AT_LEAST_ONE = (
    *("t_rcd", "t_rp", "t_cl", "t_cwl", "t_ras", "t_rc", "t_ccd_s", "t_ccd_l", "t_rrd_s", "t_rrd_l", "t_rtp", "t_rfc"),
)


def load_standard(source: str, overrides: Iterable[Override | str] = ()) -> Standard:
    """Return the standard named *source*, or in the YAML file *source*, with *overrides* such as ``timing.t_cl=11``.

    Raises :class:`InputError` naming file and line (or option), key, value and rule for the first thing that is wrong.
    """
    path = standard_path(source)
    if path is None:
        names = shipped_standards()
        rule = f"there is no such standard; {suggest(source, names)}; a standard of your own is a YAML file"
        raise InputError("--standard", rule, value=source)
    data, places = read_yaml(path)
    for override in overrides:
        lay_over(data, places, Override.parse(override) if isinstance(override, str) else override)
    origin = Origin(str(path), path.parent, places)
    standard = check(Standard, data, origin)
    require_requests(standard, origin)
    return standard


def require_requests(part: Part, origin: Origin) -> None:
    """Raise :class:`InputError` where *part*, described in *origin*, cannot serve requests of 64 bytes one by one."""
    for name in _AT_LEAST_ONE:
        if not getattr(part.timing, name):
            raise InputError(origin.where(("timing", name)), "must be at least 1", key=f"timing.{name}", value=0)
    if part.organisation.burst_bytes != REQUEST_BYTES:
        rule = f"bus_bits x burst_length must be {8 * REQUEST_BYTES}: a request is one burst of {REQUEST_BYTES} bytes"
        raise InputError(origin.where(("organisation",)), rule, key="organisation")
