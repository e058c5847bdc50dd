import datetime as dt
from uuid import UUID

import msgspec
import pytest

from catalog.platform.ids import new_id
from catalog.sites.placement import Proposal, Used, Wish, best
from catalog.sites.tables import Host, Site

TODAY = dt.date(2026, 11, 23)
MEMBER, OTHER = new_id(), new_id()


class Size(msgspec.Struct, frozen=True):
    memory_mb: int = 256
    disk_mb: int = 1024
    cpu_percent: int = 50


def site(slug: str = "vancouver", province: str = "BC", **said: object) -> Site:
    values: dict[str, object] = {
        "id": new_id(),
        "slug": slug,
        "province": province,
        "country": "CA",
        "attested_from": dt.date(2026, 1, 1),
        "attested_until": dt.date(2026, 12, 31),
    }
    return Site(**(values | said))


def host(name: str, where: Site, **said: object) -> Host:
    values: dict[str, object] = {
        "id": new_id(),
        "site_id": where.id,
        "name": name,
        "state": "active",
        "memory_mb": 1024,
        "disk_mb": 8192,
        "cpu_percent": 200,
        "dedicated_member_id": None,
    }
    return Host(**(values | said))


def wish(*, province: str = "BC", runs_code: bool = False, today: dt.date = TODAY, size: Size | None = None) -> Wish:
    return Wish(size or Size(), MEMBER, province, runs_code, today)


def chosen(hosts: list[tuple[Host, Site]], used: dict[UUID, Used], wished: Wish) -> str | None:
    proposal = best(hosts, used, wished)
    return None if proposal is None else proposal.host.name


def test_a_host_in_the_members_province_is_preferred_even_with_less_room() -> None:
    vancouver, quebec = site(), site("quebec", "QC")
    hosts = [(host("vancouver-1", vancouver, memory_mb=9000), vancouver), (host("quebec-1", quebec), quebec)]
    assert chosen(hosts, {}, wish(province="QC")) == "quebec-1"


def test_another_province_serves_where_the_own_one_has_no_room() -> None:
    vancouver, quebec = site(), site("quebec", "QC")
    hosts = [(host("vancouver-1", vancouver), vancouver), (host("quebec-1", quebec, memory_mb=255), quebec)]
    assert chosen(hosts, {}, wish(province="QC")) == "vancouver-1"


def test_the_host_with_most_room_left_is_taken() -> None:
    where = site()
    first, second = host("vancouver-1", where), host("vancouver-2", where)
    used = {first.id: Used(memory_mb=512, members=frozenset({OTHER}))}
    assert chosen([(first, where), (second, where)], used, wish()) == "vancouver-2"


def test_equal_hosts_are_taken_by_name_so_that_the_answer_is_always_the_same() -> None:
    where = site()
    hosts = [(host("vancouver-2", where), where), (host("vancouver-1", where), where)]
    assert chosen(hosts, {}, wish()) == chosen(hosts[::-1], {}, wish()) == "vancouver-1"


@pytest.mark.parametrize(
    ("today", "stands"),
    [
        (dt.date(2025, 12, 31), False),
        (dt.date(2026, 1, 1), True),
        (dt.date(2026, 12, 31), True),
        (dt.date(2027, 1, 1), False),
    ],
)
def test_a_site_serves_from_the_first_to_the_last_day_of_its_attestation(today: dt.date, *, stands: bool) -> None:
    where = site()
    assert (chosen([(host("vancouver-1", where), where)], {}, wish(today=today)) is not None) is stands


def test_nothing_is_placed_outside_canada() -> None:
    where = site(country="US")
    assert chosen([(host("seattle-1", where), where)], {}, wish()) is None


@pytest.mark.parametrize("state", ["cordoned", "retired"])
def test_a_host_that_takes_no_more_is_passed_over(state: str) -> None:
    where = site()
    assert chosen([(host("vancouver-1", where, state=state), where)], {}, wish()) is None


@pytest.mark.parametrize("full", [{"memory_mb": 769}, {"disk_mb": 7169}, {"cpu_percent": 151}])
def test_a_host_that_lacks_any_one_thing_is_passed_over(full: dict[str, int]) -> None:
    where = site()
    one = host("vancouver-1", where)
    assert chosen([(one, where)], {one.id: Used(**full, members=frozenset({OTHER}))}, wish()) is None


def test_the_last_room_of_a_host_can_be_taken() -> None:
    where = site()
    one = host("vancouver-1", where)
    used = {one.id: Used(memory_mb=768, disk_mb=7168, cpu_percent=150, members=frozenset({OTHER}))}
    assert chosen([(one, where)], used, wish()) == "vancouver-1"


def test_a_dedicated_host_takes_nobody_elses_tool() -> None:
    where = site()
    assert chosen([(host("vancouver-1", where, dedicated_member_id=OTHER), where)], {}, wish()) is None


def test_peoples_code_goes_to_the_members_own_host_first() -> None:
    where = site()
    own, empty = host("vancouver-9", where, dedicated_member_id=MEMBER), host("vancouver-1", where, memory_mb=9000)
    proposal = best([(own, where), (empty, where)], {}, wish(runs_code=True))
    assert proposal == Proposal(site=where, host=own, dedicates=False)


def test_peoples_code_dedicates_an_empty_host() -> None:
    where = site()
    empty = host("vancouver-1", where)
    assert best([(empty, where)], {}, wish(runs_code=True)) == Proposal(site=where, host=empty, dedicates=True)


def test_peoples_code_never_goes_beside_other_tools_on_a_shared_host() -> None:
    where = site()
    shared = host("vancouver-1", where)
    used = {shared.id: Used(memory_mb=1, members=frozenset({MEMBER}))}
    assert chosen([(shared, where)], used, wish(runs_code=True)) is None


def test_a_host_in_the_members_province_is_dedicated_before_its_own_elsewhere_is_filled() -> None:
    vancouver, quebec = site(), site("quebec", "QC")
    own, empty = host("quebec-1", quebec, dedicated_member_id=MEMBER), host("vancouver-1", vancouver)
    assert chosen([(own, quebec), (empty, vancouver)], {}, wish(runs_code=True)) == "vancouver-1"
