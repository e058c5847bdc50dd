"""What a verify finds that is not as it was set up, what a plan foretells, and that neither changes anything."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.bundles.catalogued import Catalogued, Wanted, catalogued
from tests.identity.realm_under_test import Organization, RealmUnderTest
from tests.support.cluster import Cluster

from catalog.runs.comparison import Comparison, HostComparison
from catalog.runs.redaction import forms_of

HOSTS = {"dokuwiki": "vancouver-1", "jupyterhub": "quebec-1"}
PARAMETERS: dict[str, dict[str, Any]] = {
    "dokuwiki": {"title": "Notes", "tagline": "", "welcome": "", "licence": "none"},
    "jupyterhub": {"title": "Notes", "announcement": "", "interface": "lab", "idle_minutes": 60},
}
SERVICES = {"dokuwiki": "wiki", "jupyterhub": "proxy"}
SETTINGS = {"dokuwiki": "/srv/coop/{}/settings.json", "jupyterhub": "/var/lib/coop/{}/hub/settings.json"}
CHANGED = {"dokuwiki": "/var/lib/coop/{}/wiki/conf.php", "jupyterhub": "/var/lib/coop/{}/hub/texts.py"}
ROLES = {"dokuwiki": "editor", "jupyterhub": "participant"}
STRAY = "https://elsewhere.example/*"


@pytest.fixture(scope="module", params=sorted(HOSTS))
async def tool(
    request: pytest.FixtureRequest, cluster: Cluster, realm: RealmUnderTest, birch: Organization
) -> AsyncIterator[Catalogued]:
    slug = request.param
    async with catalogued(cluster, realm, birch, Wanted(slug, HOSTS[slug], PARAMETERS[slug])) as made:
        yield made


async def test_a_verify_of_what_was_just_set_up_finds_nothing_and_changes_nothing(tool: Catalogued) -> None:
    before = tool.footprint()
    run = await tool.do("verify")
    assert run.state == "succeeded", run.error
    assert await tool.found_by(run) == Comparison(sign_on=[], host=HostComparison([], [], []))
    assert tool.footprint() == before
    assert await tool.attention() is None


async def test_a_plan_names_just_what_the_update_then_changes(tool: Catalogued) -> None:
    before = tool.footprint()
    planned = await tool.plan("update", {"title": "Histoire & sources"})
    assert planned.state == "succeeded", planned.error
    assert tool.footprint() == before
    found = await tool.found_by(planned)
    assert found.sign_on == []
    assert found.host is not None
    assert found.host.unpredicted == []
    assert SETTINGS[tool.slug].format(tool.short) in [file for change in found.host.changes for file in change.files]
    updated = await tool.update({"title": "Histoire & sources"})
    assert updated.state == "succeeded", updated.error
    assert await tool.tasks(updated, "task.changed") == [change.task for change in found.host.changes]
    again = await tool.found_by(await tool.plan("update", {"title": "Histoire & sources"}))
    assert not again.differs
    for run in (planned, updated):
        await no_secret_in(tool, run)


async def test_a_plan_of_a_wiki_shows_the_line_that_changes(tool: Catalogued) -> None:
    if tool.slug != "dokuwiki":
        pytest.skip("a hub's settings hold secrets, so that no line of them is shown")
    planned = await tool.found_by(await tool.plan("update", {"tagline": "Une année"}))
    assert planned.host is not None
    (change,) = planned.host.changes
    assert '+    "tagline": "Une ann' in (change.diff or "")


async def test_drift_is_found_named_told_of_once_and_mended_by_a_reconcile(tool: Catalogued) -> None:
    service, changed = f"{tool.short}-{SERVICES[tool.slug]}.service", CHANGED[tool.slug].format(tool.short)
    tool.on_host(f"systemctl stop {service}; echo '# mended by hand: it was wrong' >>{changed}")
    tool.on_host(f"chmod 755 /var/lib/coop/{tool.short}")
    if tool.slug == "dokuwiki":
        tool.on_host("apt-get remove -y -q php-intl >/dev/null 2>&1")
    await spoil_client(tool)
    told_before = await tool.times_told_of_drift()
    for _ in range(2):
        run = await tool.do("verify")
        assert await tool.attention() == "drift"
        assert await tool.times_told_of_drift() == told_before + 1
    found = await tool.found_by(run)
    assert found.sign_on is not None
    assert found.host is not None
    assert {(one.code, one.name) for one in found.sign_on} == {
        ("client-setting", "redirectUris"),
        ("client-role", ROLES[tool.slug]),
        ("client-role", "stray"),
    }
    (addresses,) = [one for one in found.sign_on if one.name == "redirectUris"]
    assert sorted(set(addresses.found) - set(addresses.wanted)) == [STRAY]
    assert found.host.changed_by_hand == [changed]
    files = [file for change in found.host.changes for file in change.files]
    assert {changed, f"/var/lib/coop/{tool.short}"} <= set(files)
    assert (service, "start") in [(unit.unit, unit.what) for change in found.host.changes for unit in change.units]
    if tool.slug == "dokuwiki":
        assert "Install DokuWiki and PHP" in [change.task for change in found.host.changes]
    await no_secret_in(tool, run)
    reconciled = await tool.do("reconcile")
    assert reconciled.state == "succeeded", reconciled.error
    verified = await tool.do("verify")
    assert verified.state == "succeeded", verified.error
    assert not (await tool.found_by(verified)).differs
    assert await tool.attention() is None


async def test_a_suspended_tool_is_compared_with_what_suspending_makes(tool: Catalogued) -> None:
    suspended = await tool.do("suspend")
    assert suspended.state == "succeeded", suspended.error
    run = await tool.do("verify")
    assert run.state == "succeeded", run.error
    assert not (await tool.found_by(run)).differs
    service = f"{tool.short}-{SERVICES[tool.slug]}.service"
    tool.on_host(f"systemctl enable --quiet {service}")
    client = await tool.realm.admin.get(f"/clients/{tool.instance_id}")
    await tool.realm.admin.put(f"/clients/{tool.instance_id}", client | {"enabled": True})
    found = await tool.found_by(await tool.do("verify"))
    assert [(one.name, one.found, one.wanted) for one in found.sign_on or []] == [("enabled", True, False)]
    assert found.host is not None
    assert [(unit.unit, unit.what) for change in found.host.changes for unit in change.units] == [(service, "disable")]
    assert await tool.attention() == "drift"
    for action in ("suspend", "verify"):
        assert (await tool.do(action)).state == "succeeded"
    assert await tool.attention() is None
    resumed = await tool.do("resume")
    assert resumed.state == "succeeded", resumed.error


async def spoil_client(tool: Catalogued) -> None:
    """Change the client as a careless hand might: a redirect address more, a role less, another one more."""
    address = f"/clients/{tool.instance_id}"
    client = await tool.realm.admin.get(address)
    await tool.realm.admin.put(address, client | {"redirectUris": [*client["redirectUris"], STRAY]})
    await tool.realm.admin.delete(f"{address}/roles/{ROLES[tool.slug]}")
    await tool.realm.admin.post(f"{address}/roles", {"name": "stray"})


async def no_secret_in(tool: Catalogued, run: Any) -> None:
    told = await tool.told(run)
    for name, secret in (await tool.secrets()).items():
        assert [form for form in forms_of(secret) if form in told] == [], name
