"""Whether the database was away, or refused what it was asked."""

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from catalog.platform.db.engine import database_is_away


class Said(Exception):
    """What the driver raised."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    "error",
    [
        DBAPIError("SELECT 1", None, Said("57P01")),
        DBAPIError("SELECT 1", None, Said("57P03")),
        DBAPIError("SELECT 1", None, Said("08003")),
        DBAPIError("SELECT 1", None, Said("53300")),
        DBAPIError("SELECT 1", None, Said(None), connection_invalidated=True),
        OperationalError("SELECT 1", None, Said(None)),
        ConnectionRefusedError(),
    ],
    ids=["ends", "starts", "lost", "too many", "invalidated", "operational", "refused"],
)
def test_it_was_away(error: Exception) -> None:
    assert database_is_away(error)


@pytest.mark.parametrize(
    "error",
    [
        IntegrityError("INSERT", None, Said("23505")),
        ProgrammingError("SELECT", None, Said("42P01")),
        DBAPIError("SELECT 1", None, Said("57014")),
        ValueError(),
    ],
    ids=["duplicate", "no table", "took too long", "not the database"],
)
def test_it_was_there(error: Exception) -> None:
    assert not database_is_away(error)
