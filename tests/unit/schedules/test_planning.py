"""What is due for an instance, and when."""

import datetime as dt
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from catalog.instances.terms import latest_extension, next_term_end
from catalog.platform.ids import new_id
from catalog.platform.time_zones import zone
from catalog.schedules.planning import Facts, due_notice, end_of, next_backup, next_verify, wanted

TORONTO, ST_JOHNS = zone("America/Toronto"), zone("America/St_Johns")
SOME = UUID("01930000-0000-7000-8000-0000000000ff")
LAST_DAY = dt.date(2027, 4, 30)


def utc(written: str) -> dt.datetime:
    return dt.datetime.fromisoformat(written).replace(tzinfo=dt.UTC)


def facts(**others: Any) -> Facts:
    usual: dict[str, Any] = {
        "instance_id": SOME,
        "state": "running",
        "zone": TORONTO,
        "backup_hour": None,
        "ends_on": None,
        "noticed": frozenset(),
        "removing": False,
        "purge_at": None,
    }
    return Facts(**(usual | others))


def test_an_instance_is_verified_at_the_same_second_of_every_day() -> None:
    first = next_verify(SOME, utc("2027-03-13T12:00"))
    assert next_verify(SOME, first) == first + dt.timedelta(days=1)
    assert next_verify(SOME, first - dt.timedelta(microseconds=1)) == first


def test_a_thousand_instances_are_verified_all_over_the_day() -> None:
    at = utc("2027-01-01T00:00")
    hours = Counter(next_verify(new_id(), at).hour for _ in range(1000))
    assert len(hours) == 24
    assert max(hours.values()) < 100


@pytest.mark.parametrize("rules", [TORONTO, ST_JOHNS])
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 23])
def test_a_backup_is_made_within_its_hour_by_the_clocks_of_the_site(rules: Any, hour: int) -> None:
    at = utc("2026-12-31T00:00")
    for _ in range(370):
        following = next_backup(SOME, hour, rules, at)
        assert dt.timedelta(0) < following - at <= dt.timedelta(hours=49)
        local = following.astimezone(rules)
        skipped = hour == 2 and local.date() == dt.date(2027, 3, 14)
        assert local.hour == (3 if skipped else hour)
        at = following


def test_what_does_not_run_is_neither_verified_nor_backed_up_nor_ended() -> None:
    for state in ("provisioning", "failed", "suspended", "removing", "removed"):
        assert wanted(facts(state=state, backup_hour=3, ends_on=LAST_DAY), utc("2027-01-01T00:00")) == {}


def test_the_last_day_is_over_at_midnight_where_the_instance_stands() -> None:
    assert end_of(LAST_DAY, TORONTO) == utc("2027-05-01T04:00")
    due = wanted(facts(ends_on=LAST_DAY), utc("2027-01-01T00:00"))
    assert due["suspend"] == utc("2027-05-01T04:00")
    assert due["notice"] == dt.datetime(2027, 3, 1, 8, tzinfo=TORONTO)


def test_an_end_that_was_acted_on_is_not_acted_on_again() -> None:
    assert "suspend" not in wanted(facts(ends_on=LAST_DAY, noticed=frozenset({0})), utc("2027-06-01T00:00"))


@pytest.mark.parametrize(
    ("now", "given", "due"),
    [
        ("2027-01-01", set(), 60),
        ("2027-03-02", set(), 60),
        ("2027-03-02", {60}, 14),
        ("2027-04-17", {60}, 14),
        ("2027-04-17", set(), 14),
        ("2027-04-17", {14}, None),
        ("2027-04-17", {60, 14}, None),
        ("2027-05-02", set(), None),
    ],
)
def test_a_notice_is_given_once_and_a_later_one_makes_up_for_those_that_were_missed(
    now: str, given: set[int], due: int | None
) -> None:
    assert due_notice(LAST_DAY, frozenset(given), TORONTO, utc(f"{now}T15:00")) == due


def test_what_is_being_removed_is_purged_and_hears_nothing_of_its_end() -> None:
    at = utc("2027-03-01T00:00")
    due = wanted(facts(state="suspended", ends_on=LAST_DAY, removing=True, purge_at=at), utc("2027-02-01T00:00"))
    assert due == {"deprovision": at}
    assert wanted(facts(state="removing", removing=True, purge_at=at), at) == {}, "somebody has begun it by hand"
    assert set(wanted(facts(removing=True, ends_on=LAST_DAY, purge_at=at), at)) == {"verify", "deprovision"}


@pytest.mark.parametrize(
    ("after", "end"),
    [("2026-12-30", "2026-12-31"), ("2026-12-31", "2027-04-30"), ("2027-05-01", "2027-08-31")],
)
def test_one_click_extends_to_the_next_terms_end(after: str, end: str) -> None:
    assert next_term_end(dt.date.fromisoformat(after)) == dt.date.fromisoformat(end)


def test_an_extension_is_at_most_twelve_months_from_today() -> None:
    assert latest_extension(dt.date(2027, 11, 24)) == dt.date(2028, 11, 24)
    assert latest_extension(dt.date(2028, 2, 29)) == dt.date(2029, 2, 28)
