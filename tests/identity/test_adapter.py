"""The adapter against a real Keycloak: everything converges, and each account can do no more than its work."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import certifi
import pytest
from devkit.signin import Browser
from realm_under_test import CALLBACK, PASSWORD, Organization, Person, RealmUnderTest, Server, Tool, claims

from catalog.identity.keycloak.clients import client_secret, find_client
from catalog.identity.keycloak.connection import KeycloakConnection
from catalog.identity.keycloak.errors import KeycloakRefused, KeycloakUnavailable
from catalog.identity.keycloak.instance_clients import assign_roles, ensure_instance_client, remove_instance_client
from catalog.identity.keycloak.organizations import ensure_organization
from catalog.identity.keycloak.people import ensure_person
from catalog.identity.keycloak.realm import check_realm, sync_realm
from catalog.identity.keycloak.server import check_server
from catalog.identity.keycloak.specs import InstanceClientSpec, OrganizationSpec, PersonSpec, RealmSpec
from catalog.platform.ids import new_id

Damage = Callable[[KeycloakConnection, RealmSpec], Awaitable[None]]


async def test_a_second_sync_changes_nothing(realm: RealmUnderTest) -> None:
    assert await sync_realm(realm.admin, realm.spec) == []
    assert await check_realm(realm.admin, realm.spec) == []


async def _brute_force_off(admin: KeycloakConnection, _: RealmSpec) -> None:
    await admin.put("", await admin.get("") | {"bruteForceProtected": False})


async def _built_in_flow(admin: KeycloakConnection, _: RealmSpec) -> None:
    await admin.put("", await admin.get("") | {"browserFlow": "browser"})


async def _membership_step_off(admin: KeycloakConnection, spec: RealmSpec) -> None:
    path = f"/authentication/flows/{quote(spec.browser_flow)}/executions"
    step = next(one for one in await admin.get(path) if one.get("providerId") == "coop-membership")
    await admin.put(path, step | {"requirement": "DISABLED"})


async def _policy_off(admin: KeycloakConnection, _: RealmSpec) -> None:
    policies = (await admin.get("/client-policies/policies"))["policies"]
    await admin.put("/client-policies/policies", {"policies": [one | {"enabled": False} for one in policies]})


async def _executor_gone(admin: KeycloakConnection, _: RealmSpec) -> None:
    profiles = (await admin.get("/client-policies/profiles"))["profiles"]
    await admin.put("/client-policies/profiles", {"profiles": [one | {"executors": []} for one in profiles]})


async def _wildcard_redirect(admin: KeycloakConnection, _: RealmSpec) -> None:
    found = await find_client(admin, "catalog-web")
    assert found is not None
    await admin.put(f"/clients/{found['id']}", found | {"redirectUris": ["*"]})


async def _mapper_gone(admin: KeycloakConnection, _: RealmSpec) -> None:
    found = await find_client(admin, "catalog-cli")
    assert found is not None
    for mapper in found["protocolMappers"]:
        await admin.delete(f"/clients/{found['id']}/protocol-mappers/models/{mapper['id']}")


async def _stronger_worker(admin: KeycloakConnection, _: RealmSpec) -> None:
    management, worker = await find_client(admin, "realm-management"), await find_client(admin, "catalog-worker")
    assert management is not None
    assert worker is not None
    user = await admin.get(f"/clients/{worker['id']}/service-account-user")
    role = await admin.get(f"/clients/{management['id']}/roles/realm-admin")
    await admin.post(f"/users/{user['id']}/role-mappings/clients/{management['id']}", [role])


async def _organization_ids_gone(admin: KeycloakConnection, _: RealmSpec) -> None:
    scope = next(one for one in await admin.get("/client-scopes") if one["name"] == "organization")
    (mapper,) = scope["protocolMappers"]
    config = mapper["config"] | {"addOrganizationId": "false"}
    await admin.put(f"/client-scopes/{scope['id']}/protocol-mappers/models/{mapper['id']}", mapper | {"config": config})


@pytest.mark.parametrize(
    ("damage", "lack"),
    [
        (_brute_force_off, ("realm-setting", "bruteForceProtected")),
        (_built_in_flow, ("realm-setting", "browserFlow")),
        (_membership_step_off, ("flow-changed", "coop browser")),
        (_policy_off, ("client-policies", "coop-membership")),
        (_executor_gone, ("client-profiles", "coop-membership")),
        (_wildcard_redirect, ("client-setting", "catalog-web")),
        (_mapper_gone, ("client-mapper", "catalog-cli")),
        (_stronger_worker, ("service-account-roles", "catalog-worker")),
        (_organization_ids_gone, ("organization-scope", "organization")),
    ],
)
async def test_what_was_changed_by_hand_is_reported_then_mended(
    realm: RealmUnderTest, damage: Damage, lack: tuple[str, str]
) -> None:
    await damage(realm.admin, realm.spec)

    found = [(one.code, one.subject) for one in await check_realm(realm.admin, realm.spec)]
    mended = [(one.code, one.subject) for one in await sync_realm(realm.admin, realm.spec)]

    assert found == mended == [lack]
    assert await check_realm(realm.admin, realm.spec) == []


async def test_a_flow_that_was_made_anew_refuses_outsiders_still(
    browser: Browser, realm: RealmUnderTest, birch_wiki: Tool, of_birch: Person, of_maple: Person
) -> None:
    await _membership_step_off(realm.admin, realm.spec)
    await sync_realm(realm.admin, realm.spec)

    assert birch_wiki.visit(browser, of_maple).status == 403
    with Browser(realm.server.ca_file) as fresh:
        assert birch_wiki.visit(fresh, of_birch).admitted


async def test_with_the_flow_left_open_the_policy_still_gives_no_token(
    browser: Browser, realm: RealmUnderTest, birch_wiki: Tool, of_maple: Person
) -> None:
    await _built_in_flow(realm.admin, realm.spec)
    try:
        visit = birch_wiki.visit(browser, of_maple)
    finally:
        await sync_realm(realm.admin, realm.spec)

    status, answer = birch_wiki.token(
        browser,
        grant_type="authorization_code",
        code=visit.answer["code"],
        redirect_uri=CALLBACK,
        code_verifier=visit.verifier,
    )
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_a_realm_that_is_not_there_is_reported_and_not_made(server: Server) -> None:
    spec = RealmSpec(realm="test-never-made", catalog_url="https://catalog.coop-catalog.test")
    async with server.connection(spec.realm) as connection:
        assert [one.code for one in await check_realm(connection, spec)] == ["realm-missing"]
        assert await connection.find("") is None


class OldServer(KeycloakConnection):
    """A Keycloak of yesterday, with nothing of ours in it."""

    async def server(self, method: str, path: str, body: object = None) -> Any:
        assert (method, path, body) == ("GET", "/serverinfo", None)
        return {"systemInfo": {"version": "26.5.9"}, "providers": {}, "themes": {"login": [{"name": "keycloak"}]}}


async def test_an_old_server_without_provider_and_theme_is_reported(realm: RealmUnderTest) -> None:
    async with OldServer(realm.server.url, "any", "any", "any", realm.server.ca_file) as old:
        lacks = [(one.code, one.subject) for one in await check_server(old, realm.spec)]

    assert lacks == [
        ("keycloak-too-old", "26.5.9"),
        ("provider-missing", "coop-membership"),
        ("provider-missing", "coop-membership-executor"),
        ("theme-missing", "coop"),
    ]


async def test_an_organization_is_known_by_its_member_and_never_by_its_alias(realm: RealmUnderTest) -> None:
    spec = OrganizationSpec(str(new_id()), "poplar", "Poplar", ("poplar.example",))
    first = await ensure_organization(realm.worker, spec)
    renamed = replace(spec, alias="ignored", name="Poplar College", domains=("poplar.example", "www.poplar.example"))

    assert await ensure_organization(realm.worker, renamed) == first
    assert await ensure_organization(realm.worker, replace(renamed, organization_id=first)) == first
    found = await realm.admin.get(f"/organizations/{first}")
    assert (found["alias"], found["name"]) == ("poplar", "Poplar College")
    assert {one["name"] for one in found["domains"]} == {"poplar.example", "www.poplar.example"}
    with pytest.raises(KeycloakRefused) as refusal:
        await ensure_organization(realm.worker, replace(spec, member_id=str(new_id()), domains=("other.example",)))
    assert refusal.value.status == 409


async def test_an_organization_that_operators_disabled_stays_so(realm: RealmUnderTest) -> None:
    spec = OrganizationSpec(str(new_id()), "aspen", "Aspen", ("aspen.example",))
    identifier = await ensure_organization(realm.worker, spec)
    await realm.admin.put(
        f"/organizations/{identifier}", await realm.admin.get(f"/organizations/{identifier}") | {"enabled": False}
    )

    await ensure_organization(realm.worker, replace(spec, name="Aspen College"))

    assert (await realm.admin.get(f"/organizations/{identifier}"))["enabled"] is False


async def test_a_person_is_made_once_and_keeps_the_password(
    browser: Browser, realm: RealmUnderTest, birch: Organization, birch_wiki: Tool
) -> None:
    spec = PersonSpec("demo.once", "once@people.example", "Demo", "Once", "fr", PASSWORD, ())
    subject = await ensure_person(realm.people, spec)
    joined = replace(spec, family_name="Twice", password="quite another one", organization_ids=(birch.id,))

    assert await ensure_person(realm.people, joined) == subject
    assert await ensure_person(realm.people, joined) == subject

    token = claims(birch_wiki.visit(browser, Person(subject, "demo.once", "")).tokens(browser)["id_token"])
    assert (token["family_name"], token["locale"]) == ("Twice", "fr")


def _spec(organization: Organization, **other: Any) -> InstanceClientSpec:
    return replace(
        InstanceClientSpec(
            instance_id=str(new_id()),
            name="Wiki",
            base_url="https://tool.coop-tools.test/",
            redirect_uris=(CALLBACK,),
            post_logout_uris=("https://tool.coop-tools.test/",),
            backchannel_logout_url="https://tool.coop-tools.test/logout",
            roles=("owner", "reader"),
            organization_ids=(organization.id,),
        ),
        **other,
    )


async def test_an_instances_client_converges_and_keeps_its_secret(realm: RealmUnderTest, birch: Organization) -> None:
    spec = _spec(birch)
    made = await ensure_instance_client(realm.worker, spec)
    again = await ensure_instance_client(realm.worker, spec)
    found = await find_client(realm.admin, made.client_id)
    assert found is not None
    await realm.admin.put(f"/clients/{found['id']}", found | {"fullScopeAllowed": True, "webOrigins": ["*"]})
    mended = await ensure_instance_client(realm.worker, spec)
    narrowed = await ensure_instance_client(
        realm.worker, replace(spec, roles=("reader",), organization_ids=(), backchannel_logout_url=None)
    )

    assert [one.changed for one in (made, again, mended, narrowed)] == [True, False, True, True]
    assert {one.secret for one in (made, again, mended, narrowed)} == {made.secret}
    after = await find_client(realm.admin, made.client_id)
    assert after is not None
    assert (after["fullScopeAllowed"], after["webOrigins"], after["redirectUris"]) == (False, [], [CALLBACK])
    assert not after["attributes"].get("coop.organizations")
    assert not after["attributes"].get("backchannel.logout.url")
    assert [role["name"] for role in await realm.admin.get(f"/clients/{after['id']}/roles")] == ["reader"]


async def test_an_instances_client_is_removed_once(realm: RealmUnderTest, birch: Organization) -> None:
    spec = _spec(birch)
    await ensure_instance_client(realm.worker, spec)

    assert await remove_instance_client(realm.worker, spec.instance_id) is True
    assert await remove_instance_client(realm.worker, spec.instance_id) is False


async def test_pkce_is_demanded(browser: Browser, birch_wiki: Tool, of_birch: Person) -> None:
    visit = birch_wiki.visit(browser, of_birch, code_challenge_method="plain")

    assert visit.answer["error"] == "invalid_request"


async def test_roles_arrive_as_groups_and_nothing_else_does(
    server: Server, realm: RealmUnderTest, birch_wiki: Tool, of_birch: Person
) -> None:
    def groups() -> list[str] | None:
        with Browser(server.ca_file) as fresh:
            token: dict[str, Any] = claims(birch_wiki.visit(fresh, of_birch).tokens(fresh)["id_token"])
        assert "realm_access" not in token
        assert "resource_access" not in token
        given: list[str] | None = token.get("groups")
        return given

    assignments = {of_birch.subject: ["owner"]}
    assert groups() is None
    assert await assign_roles(realm.people, birch_wiki.instance_id, assignments) is True
    assert await assign_roles(realm.people, birch_wiki.instance_id, assignments) is False
    assert groups() == ["owner"]
    assert await assign_roles(realm.people, birch_wiki.instance_id, {of_birch.subject: []}) is True
    assert groups() is None
    with pytest.raises(KeycloakRefused):
        await assign_roles(realm.people, birch_wiki.instance_id, {of_birch.subject: ["emperor"]})


async def test_the_workers_account_reaches_no_person_and_no_setting(realm: RealmUnderTest, of_birch: Person) -> None:
    password = {"type": "password", "value": PASSWORD, "temporary": False}
    worker = realm.worker
    for attempt in (
        worker.get("/users"),
        worker.put(f"/users/{of_birch.subject}/reset-password", password),
        worker.put("", {"displayName": "taken over"}),
        worker.get("/authentication/flows"),
        worker.server("POST", "/realms", {"realm": "taken-over"}),
    ):
        await _refused(attempt)


async def test_the_peoples_account_reads_no_secret_and_changes_no_client(
    realm: RealmUnderTest, birch_wiki: Tool
) -> None:
    people = realm.people
    for attempt in (
        people.get(f"/clients/{birch_wiki.instance_id}/client-secret"),
        people.post("/clients", {"clientId": "of-my-own"}),
        people.put("", {"displayName": "taken over"}),
    ):
        await _refused(attempt)


async def _refused(attempt: Awaitable[Any]) -> None:
    with pytest.raises(KeycloakRefused) as refusal:
        await attempt
    assert refusal.value.status == 403


async def test_what_may_pass_is_told_from_what_will_not(realm: RealmUnderTest) -> None:
    url, ca_file = realm.server.url, realm.server.ca_file
    async with KeycloakConnection(url, realm.spec.realm, "catalog-worker", "wrong", ca_file) as impostor:
        with pytest.raises(KeycloakRefused):
            await impostor.get("/organizations")
    async with KeycloakConnection("https://localhost:9", "any", "any", "any", ca_file) as nowhere:
        with pytest.raises(KeycloakUnavailable):
            await nowhere.get("/organizations")


async def test_a_server_with_an_unknown_certificate_is_not_talked_to(realm: RealmUnderTest) -> None:
    public_authorities = Path(certifi.where())
    async with KeycloakConnection(realm.server.url, "any", "any", "any", public_authorities) as careful:
        with pytest.raises(KeycloakUnavailable):
            await careful.get("")


async def test_no_secret_is_shown_where_things_are_printed(realm: RealmUnderTest, birch: Organization) -> None:
    client = await ensure_instance_client(realm.worker, _spec(birch))
    secret = await client_secret(realm.admin, "catalog-worker")

    assert client.secret not in repr(client)
    assert secret not in repr(realm.worker)
