"""The institutions of the co-op, and the data centres, as people of a member read them."""

from tests.conftest import ClientAs
from tests.support.coop import Coop, problem
from tests.support.world import World


async def test_members_are_listed_newest_first_with_their_ror_ids(coop: Coop, client_as: ClientAs) -> None:
    items = (await client_as(coop.ada).get("/v1/members")).json()["items"]
    assert [member["alias"] for member in items] == ["maple", "birch"]
    assert items[1]["ror"] == f"https://ror.org/{coop.birch.ror}"
    assert items[1]["province"] == "BC"
    assert items[1]["sign_on_ready"] is False


async def test_a_member_bears_its_name_in_the_language_that_was_asked_for(coop: Coop, client_as: ClientAs) -> None:
    answer = await client_as(coop.ada, language="fr").get("/v1/members/maple")
    assert answer.json()["name"] == "Collège Maple"
    assert answer.json()["names"] == {"en": "Maple College", "fr": "Collège Maple"}
    assert answer.headers["content-language"] == "fr"


async def test_an_unknown_alias_is_not_found(coop: Coop, client_as: ClientAs) -> None:
    for alias in ("nobody", "%00", "a" * 200):
        problem(await client_as(coop.ada).get(f"/v1/members/{alias}"), 404, "not-found")


async def test_members_come_in_pages(world: World, client_as: ClientAs) -> None:
    reader = await world.person("Rita Reader")
    for alias in ("one", "two", "three", "four", "five"):
        await world.member(alias)
    client = client_as(reader)
    seen: list[str] = []
    after: str | None = None
    while True:
        page = (await client.get("/v1/members", params={"limit": 2} | ({"after": after} if after else {}))).json()
        seen += [member["alias"] for member in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == ["five", "four", "three", "two", "one"]


async def test_a_page_of_no_size_or_too_many_is_refused(coop: Coop, client_as: ClientAs) -> None:
    for query in ({"limit": "0"}, {"limit": "101"}, {"limit": "many"}, {"after": "yesterday"}):
        answer = await client_as(coop.ada).get("/v1/members", params=query)
        (wrong,) = problem(answer, 400, "invalid-input")["errors"]
        assert wrong["pointer"] == f"?{next(iter(query))}"


async def test_members_and_sites_are_for_who_has_signed_in(client_as: ClientAs) -> None:
    for path in ("/v1/members", "/v1/members/birch", "/v1/sites"):
        problem(await client_as(None).get(path), 401, "sign-in-required")


async def test_sites_say_where_they_stand_who_runs_them_and_until_when_it_is_attested(
    coop: Coop, client_as: ClientAs
) -> None:
    items = (await client_as(coop.mia, language="fr").get("/v1/sites")).json()["items"]
    assert [(site["slug"], site["city"], site["province"]) for site in items] == [
        ("quebec", "Québec", "QC"),
        ("vancouver", "Vancouver", "BC"),
    ]
    assert items[0]["name"] == "Centre de données Quebec"
    assert items[0]["operator"] == "Made-up Hosting Co-operative"
    assert "attested_until" in items[0]
