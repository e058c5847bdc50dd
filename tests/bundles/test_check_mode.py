"""Bundles in check mode before anything of an instance is there: nothing is made, and no task stumbles over that."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from tests.bundles.instances import Instance, make_instance
from tests.identity.realm_under_test import Organization, RealmUnderTest

HOSTS = {"dokuwiki": "vancouver-1", "jupyterhub": "quebec-1"}
PARAMETERS = {
    "dokuwiki": {"title": "Notes", "tagline": "", "welcome": "", "licence": "none"},
    "jupyterhub": {"title": "Notes", "announcement": "", "interface": "lab", "idle_minutes": 60},
}
FIRST_PORT = 19_170
OTHER_PROGRAMS = "0" * 64


@pytest.fixture(scope="module", params=sorted(HOSTS))
async def tool(request: pytest.FixtureRequest, realm: RealmUnderTest, birch: Organization) -> AsyncIterator[Instance]:
    slug = request.param
    made = await make_instance(
        slug, realm, birch, HOSTS[slug], f"checked-{slug}", parameters=PARAMETERS[slug], first_port=FIRST_PORT
    )
    yield made
    await made.play("deprovision")


async def test_the_first_provision_is_foretold_task_by_task(tool: Instance) -> None:
    looked = await tool.play("provision", check=True)
    assert (looked.status, looked.failed) == (0, [])
    left = f"find / -xdev -path /proc -prune -o -name '*{tool.short}*' -print; grep {tool.short} /etc/passwd || true"
    assert tool.on_host(left).splitlines() == [], "check mode made something"
    provisioned = await tool.play("provision")
    assert (provisioned.status, provisioned.failed) == (0, [])
    # What is shared by all instances of a host may have been there before, or not.
    assert set(provisioned.changed) - set(looked.changed) <= {task.task for task in looked.compared.unpredicted}
    assert (await tool.play("provision")).changed == []


async def test_programs_that_would_be_built_are_foretold_and_none_is_built(tool: Instance) -> None:
    if tool.bundle.slug != "jupyterhub":
        pytest.skip("a wiki's programs are Debian's")
    upgraded = replace(tool, variables=tool.variables | {"hub_lock": OTHER_PROGRAMS})
    looked = await upgraded.play("provision", check=True)
    assert (looked.status, looked.failed) == (0, [])
    assert "Install what is locked, and give it its name" in looked.changed
    assert [task.task for task in looked.compared.unpredicted] == ["Remove programs that no hub uses any more"]
    assert (f"{tool.short}-hub.service", "restart") in [
        (unit.unit, unit.what) for change in looked.compared.changes for unit in change.units
    ]
    assert tool.on_host(f"ls -d /opt/coop/jupyterhub/{OTHER_PROGRAMS[:16]}* 2>/dev/null || true") == ""
