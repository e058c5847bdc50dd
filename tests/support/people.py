"""Made-up people."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Someone:
    """A person as a token tells of them, and the id by which the catalog knows them (none: not seen yet)."""

    subject: str
    name: str
    email: str | None
    id: UUID | None = None
