"""What the manifest of a recorded method says of its scheme."""

from __future__ import annotations

from mimesim.training.config import (
    LoraMethod,
    Method,
    MimeMethod,
    PacknetMethod,
    PiggybackMethod,
    PrunedMethod,
)

__all__ = ["scheme_of", "scheme_options"]

#: What the simulator calls the schemes that trainings call by what learns.
SIMULATED = {"batch_norm": "bn_only", "head": "heads"}

Options = dict[str, str | int | float | bool]


def scheme_of(method: Method) -> str:
    """The scheme that replays what *method* trained."""
    return SIMULATED.get(method.scheme, method.scheme)


def scheme_options(method: Method, tasks: int) -> Options:
    """What the simulator must know of a scheme to count its words; *tasks* share the network."""
    if isinstance(method, MimeMethod):
        return {"threshold_granularity": method.threshold_granularity, "batch_norm": method.batch_norm}
    if isinstance(method, PrunedMethod):
        return {"batch_norm": "trained", "weight_sparsity": method.weight_sparsity, "pruned_by": "parent magnitude"}
    if isinstance(method, LoraMethod):
        return {"batch_norm": "trained", "norm": "task", "rank": method.rank}
    if isinstance(method, PiggybackMethod):
        return {"batch_norm": "trained", "norm": "task"}
    if isinstance(method, PacknetMethod):
        return {"batch_norm": "the first task's", "tasks": tasks, "prune_share": method.prune_share}
    return {"batch_norm": "frozen" if method.scheme == "head" else "trained"}
