"""What comes in as a request, and what the API gives out of it."""

import datetime as dt
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.instances.schemas import MemberReference, Owner, SitePlace
from catalog.platform.http.filters import LABEL_KEY, MAXIMUM_LABELS
from catalog.platform.i18n import Language
from catalog.requests import names
from catalog.requests.lifecycle import State

Labels = Annotated[
    dict[Annotated[str, Meta(pattern=LABEL_KEY, examples=["faculty"])], Annotated[str, Meta(max_length=100)]],
    Meta(
        max_length=MAXIMUM_LABELS,
        description="The member’s own marks, to find things by.",
        examples=[{"faculty": "arts"}],
    ),
]


class OwnerIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who answers for the instance at the member."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    email: Annotated[str, Meta(min_length=3, max_length=254, description="In one of the member’s e-mail domains.")]


class UntilIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Until when: the end of a term, or a day; one of the two. At most five years from today."""

    term: (
        Annotated[
            str,
            Meta(
                pattern=r"^[0-9]{4}-(winter|summer|fall)$",
                description="A term ends on 30 April, 31 August or 31 December.",
                examples=["2027-winter"],
            ),
        ]
        | None
    ) = None
    date: Annotated[dt.date, Meta(examples=["2027-04-30"])] | None = None


class NewRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A member asks for a new instance of a tool."""

    tool: Annotated[str, Meta(max_length=40, description="The tool’s slug.", examples=["dokuwiki"])]
    plan: Annotated[str, Meta(max_length=40, description="The slug of one of its sizes.", examples=["small"])]
    purpose: Annotated[
        str, Meta(min_length=1, max_length=2000, description="What it is for; whoever decides reads this.")
    ]
    member: (
        Annotated[
            str,
            Meta(max_length=63, description="The member’s alias. May be left out by whoever can ask for one alone."),
        ]
        | None
    ) = None
    parameters: Annotated[
        dict[str, Any], Meta(description="By the JSON Schema of the tool’s current revision; defaults are filled in.")
    ] = msgspec.field(default_factory=dict)
    name: (
        Annotated[
            str,
            Meta(
                pattern=names.PATTERN,
                min_length=names.SHORTEST,
                max_length=names.LONGEST,
                description="The first label of its hostname. By default its alias and the tool’s slug.",
                examples=["history-wiki"],
            ),
        ]
        | None
    ) = None
    owner: Annotated[OwnerIn, Meta(description="By default, whoever asks.")] | None = None
    until: Annotated[UntilIn, Meta(description="Null or left out: open-ended.")] | None = None
    language: (
        Annotated[
            Language, Meta(description="Of the tool’s interface and its messages. By default, that of this call.")
        ]
        | None
    ) = None
    reference: (
        Annotated[str, Meta(max_length=100, description="A number of the member’s own, such as its ticket’s.")] | None
    ) = None
    labels: Labels = msgspec.field(default_factory=dict)


class DeclineIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why not."""

    reason: Annotated[str, Meta(min_length=1, max_length=2000, description="Whoever asked reads this.")]


class RevisionOf(msgspec.Struct, frozen=True):
    """The revision of the tool’s automation that would be set up."""

    number: int
    version: str


class UntilOut(msgspec.Struct, frozen=True):
    """Until when: the day, and the term that ends with it where one was named."""

    date: dt.date
    term: str | None
    term_name: str | None


class WarningOut(msgspec.Struct, frozen=True):
    """What the privacy law of the member's province asks for. It warns; a person at the member decides.

    `verified` is false where the co-op has not looked the law up: then there is no statute.
    """

    code: str
    level: str
    jurisdiction: str
    verified: bool
    statute: str | None
    sections: tuple[str, ...]
    in_force_since: dt.date | None
    source: str | None
    detail: str


class PersonOut(msgspec.Struct, frozen=True):
    """Somebody; the name is null to whom they are no colleague of, and who read no decision of theirs."""

    id: UUID
    name: str | None


class DecisionOut(msgspec.Struct, frozen=True):
    """Who approved or declined, when and why."""

    outcome: str
    reason: str | None
    decided_at: dt.datetime
    decided_by: PersonOut


class RequestLinks(msgspec.Struct, frozen=True):
    """Where to go on. `instance` and `run` are there once the request was approved."""

    self: str
    instance: str | None
    run: str | None
    tool: str


class Asked(msgspec.Struct, frozen=True):
    """What is asked for, where it would stand, and who may decide.

    `decided_by` names the roles that may decide, `site` the data centre where the instance would stand.
    """

    member: MemberReference
    tool: str
    revision: RevisionOf
    plan: str
    parameters: dict[str, Any]
    hostname: str
    url: str
    purpose: str
    owner: Owner
    until: UntilOut | None
    language: str
    reference: str | None
    labels: dict[str, str]
    site: SitePlace
    decided_by: tuple[str, ...]
    warnings: list[WarningOut]


class DryRunOut(Asked, frozen=True):
    """What a request would come to. Nothing was saved, and no name or place is held."""


class RequestOut(Asked, frozen=True):
    """A request. `version` is the `ETag`; `instance_id` is the id that the instance has from its approval on."""

    id: UUID
    state: State
    instance_id: UUID
    run_id: UUID | None
    requested_by: PersonOut
    decision: DecisionOut | None
    created_at: dt.datetime
    version: int
    links: RequestLinks
