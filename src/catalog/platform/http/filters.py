"""Query parameters that several lists are filtered by."""

import re
from typing import Annotated

from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from catalog.platform.errors import FieldError, InvalidInput
from catalog.platform.i18n import Text

MAXIMUM_LABELS = 20
LABEL_KEY = r"^[a-z0-9-]{1,40}$"
_LABEL = re.compile(r"([a-z0-9-]{1,40}):(.{0,100})")

# What is stored holds no control character, and PostgreSQL is not asked for one.
VISIBLE = r"^[^\x00-\x1f\x7f]*$"

Slug = Annotated[str, PathParameter(max_length=63, pattern=VISIBLE)]

_WRONG_LABEL = Text(
    en="A label is written as key:value, such as course:hist-101.",
    fr="Une étiquette s’écrit clé:valeur, comme cours:hist-101.",
)

ToolFilter = Annotated[
    str | None,
    QueryParameter(name="tool", max_length=40, pattern=VISIBLE, description="Only of the tool with this slug."),
]
MemberFilter = Annotated[
    str | None,
    QueryParameter(name="member", max_length=63, pattern=VISIBLE, description="Only of the member with this alias."),
]
ReferenceFilter = Annotated[
    str | None,
    QueryParameter(name="reference", max_length=100, pattern=VISIBLE, description="Only with exactly this reference."),
]
LabelFilter = Annotated[
    list[Annotated[str, Meta(max_length=141, pattern=VISIBLE)]] | None,
    QueryParameter(
        name="label",
        max_items=MAXIMUM_LABELS,
        description="Only with this label, written as key:value. May be given several times: all must fit.",
    ),
]


def wanted_labels(labels: list[str] | None) -> dict[str, str]:
    """Read `label=key:value` parameters. Raises `InvalidInput`."""
    found = [_LABEL.fullmatch(label) for label in labels or ()]
    wrong = tuple(FieldError("?label", "wrong-pattern", _WRONG_LABEL) for match in found if match is None)
    if wrong:
        raise InvalidInput(fields=wrong)
    return {match[1]: match[2] for match in found if match is not None}
