"""What the API takes and gives of batches."""

import datetime as dt
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.batches.lifecycle import Standing, State
from catalog.batches.selection import BatchFilter
from catalog.platform.errors import CatalogError
from catalog.platform.http.filters import VISIBLE
from catalog.platform.i18n import Language, Text
from catalog.runs.actions import Wanted
from catalog.runs.instance_runs_api import ActionName, RevisionNumber

MOST_IN_A_WAVE = 100
MOST_REASON = 500
_Size = Annotated[int, Meta(ge=1, le=MOST_IN_A_WAVE)]


class NewBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is to be done, to which instances, in what waves, and when it stops by itself."""

    action: ActionName
    filter: BatchFilter
    reason: Annotated[str, Meta(min_length=1, max_length=MOST_REASON, pattern=VISIBLE, description="Kept with it.")]
    parameters: Annotated[dict[str, Any], Meta(description="What changes of each one's parameters.")] | None = None
    revision: RevisionNumber | None = None
    input: Annotated[dict[str, Any], Meta(description="What one of the tool's own actions is given.")] | None = None
    first: Annotated[_Size, Meta(description="How many the first wave has.")] = 1
    wave: Annotated[_Size, Meta(description="How many each later wave has, at most.")] = 10
    stop_at_percent: Annotated[
        int, Meta(ge=0, le=100, description="Begins no further wave once more of the ended runs than this failed.")
    ] = 10

    def wanted(self) -> Wanted:
        """Give what is to be done as the runs know it."""
        return Wanted(self.action, self.parameters, self.revision, self.input)


class ProblemField(msgspec.Struct, frozen=True):
    """One wrong field: `pointer` is a JSON pointer into what goes with the action."""

    pointer: str
    code: str
    detail: str


class ProblemOut(msgspec.Struct, frozen=True):
    """Why an instance was left out, or a batch stopped. `code` is stable."""

    code: str
    title: str
    detail: str
    errors: list[ProblemField] = []


class BatchLinks(msgspec.Struct, frozen=True):
    """Where to go on. `retry_of`: the batch whose failures this one runs again; `retried_by`: the other way round."""

    self: str
    items: str
    runs: str
    retry_of: str | None
    retried_by: str | None


class BatchOut(msgspec.Struct, frozen=True):
    """A batch. `counts` says how many of its `total` instances stand how; `waves` counts those that have begun."""

    id: UUID
    state: State
    action: str
    parameters: dict[str, Any] | None
    revision: int | None
    input: dict[str, Any] | None
    filter: BatchFilter
    reason: str
    first: int
    wave: int
    stop_at_percent: int
    waves: int
    total: int
    counts: dict[Standing, int]
    problem: ProblemOut | None
    requested_by: str
    created_at: dt.datetime
    ended_at: dt.datetime | None
    links: BatchLinks


class ItemOut(msgspec.Struct, frozen=True):
    """An instance of a batch, and how it stands. `wave` and `run` are null before it has begun."""

    instance: UUID
    hostname: str
    member: str
    state: Standing
    wave: int | None
    run: str | None
    problem: ProblemOut | None


class Foreseen(msgspec.Struct, frozen=True):
    """What a batch would do with an instance.

    `begin`: start its run. `wait`: another run acts on it; it is tried again until the batch ends. `leave-out`: it
    can't begin, and `problem` says why.
    """

    instance: UUID
    hostname: str
    member: str
    would: Literal["begin", "wait", "leave-out"]
    problem: ProblemOut | None


class BatchDryRun(msgspec.Struct, frozen=True):
    """What a batch would do, instance by instance in its order. Nothing was saved."""

    total: int
    counts: dict[str, int]
    instances: list[Foreseen]


class StoredField(msgspec.Struct, frozen=True):
    """A wrong field as it is stored."""

    pointer: str
    code: str
    detail: Text


class StoredProblem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem as it is stored: in both languages."""

    code: str
    title: Text
    detail: Text
    errors: list[StoredField] = []


def stored(error: CatalogError) -> dict[str, Any]:
    """Write a refusal down as it is stored."""
    fields = [StoredField(field.pointer, field.code, field.detail) for field in error.fields]
    problem = StoredProblem(error.code, error.title, error.explanation(), fields)
    written: dict[str, Any] = msgspec.to_builtins(problem)
    return written


def problem_out(kept: dict[str, Any] | None, language: Language) -> ProblemOut | None:
    """Write a stored problem in one language."""
    if kept is None:
        return None
    problem = msgspec.convert(kept, StoredProblem)
    return ProblemOut(
        code=problem.code,
        title=problem.title.into(language),
        detail=problem.detail.into(language),
        errors=[ProblemField(field.pointer, field.code, field.detail.into(language)) for field in problem.errors],
    )
