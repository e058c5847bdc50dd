"""Why a try of a step ended without being done, in words that a person can act on."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from catalog.platform.i18n import Text

BACKOFF_SECONDS = (10, 30, 60, 120, 300)
MOST_TRIES = 6
MOST_INTERRUPTIONS = 20


@dataclass(frozen=True)
class Problem:
    """What went wrong: a stable code, texts in both languages, and where it was.

    `message` is what a program or another system said, as it is (redacted before it is stored).
    """

    code: str
    title: Text
    detail: Text
    step: str | None = None
    task: str | None = None
    host: str | None = None
    message: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give it as it is stored with the run and with the try."""
        return {
            "code": self.code,
            "title": {"en": self.title.en, "fr": self.title.fr},
            "detail": {"en": self.detail.en, "fr": self.detail.fr},
            "step": self.step,
            "task": self.task,
            "host": self.host,
            "message": self.message,
        }


class NotDone(Exception):
    """A try of a step ended and the step is not done."""


class StepFailed(NotDone):
    """The step can't be done as things are: the run ends, and somebody has to look."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class StepUnavailable(NotDone):
    """Something that the step needs is away for the moment: it is tried again later."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class StepStopped(NotDone):
    """The step stopped between two of its tasks, as it was asked to."""


class StepTimedOut(StepFailed):
    """The step took longer than it may."""

    def __init__(self) -> None:
        super().__init__(TIMED_OUT)


def delay_before_next_try(tries: int) -> dt.timedelta | None:
    """Say how long to wait after the try number `tries` (from 1) found something away; none: give up."""
    if tries >= MOST_TRIES:
        return None
    return dt.timedelta(seconds=BACKOFF_SECONDS[min(tries, len(BACKOFF_SECONDS)) - 1])


TIMED_OUT = Problem(
    code="step-timed-out",
    title=Text(en="The step took too long", fr="L’étape a pris trop de temps"),
    detail=Text(
        en="It was stopped at its time limit. Look at its last lines, then try again.",
        fr="Elle a été arrêtée à sa limite de temps. Voyez ses dernières lignes, puis réessayez.",
    ),
)
UNEXPECTED = Problem(
    code="unexpected",
    title=Text(en="The catalog itself failed", fr="Le catalogue lui-même a échoué"),
    detail=Text(
        en="This is a fault of the catalog. Its log has the details, under the id of this run.",
        fr="C’est une erreur du catalogue. Son journal en a les détails, sous l’identifiant de cette exécution.",
    ),
)
CANCELLED = Problem(
    code="cancelled",
    title=Text(en="The run was cancelled", fr="L’exécution a été annulée"),
    detail=Text(
        en="Somebody stopped it. What was done stays: try again to go on from there, or abandon it.",
        fr="Quelqu’un l’a arrêtée. Ce qui est fait reste : réessayez pour continuer de là, ou abandonnez-la.",
    ),
)
CANCELLED_UNSURE = Problem(
    code="cancelled-host-unreachable",
    title=Text(
        en="The run was cancelled, but its host does not answer",
        fr="L’exécution a été annulée, mais son hôte ne répond pas",
    ),
    detail=Text(
        en="What it began there may go on until the host answers: the next run ends it before anything else.",
        fr="Ce qu’elle y a commencé peut continuer tant que l’hôte se tait : l’exécution suivante y met fin d’abord.",
    ),
)
INTERRUPTED = Problem(
    code="interrupted-too-often",
    title=Text(en="The step was interrupted too often", fr="L’étape a été interrompue trop souvent"),
    detail=Text(
        en="Its worker went away each time. Look at the workers’ logs before you try again.",
        fr="Son exécutant s’est arrêté chaque fois. Voyez les journaux des exécutants avant de réessayer.",
    ),
)
