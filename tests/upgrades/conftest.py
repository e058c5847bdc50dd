"""The version before and this one, as real processes on one database, with a real Keycloak and a real host."""

import base64
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from devkit.state import ansible_user
from tests.bundles.conftest import keycloak, realm  # noqa: F401 - fixtures
from tests.conftest import CATALOG, TOOLS_DOMAIN
from tests.identity.realm_under_test import Organization, RealmUnderTest
from tests.runs.conftest import parts, scene  # noqa: F401 - fixtures
from tests.runs.scene import Scene
from tests.support.cluster import TestDatabase
from tests.support.environment import variables
from tests.support.issuer import AUDIENCE, Issuer
from tests.upgrades.sides import Sides
from tests.upgrades.versions import NoHistory, Version, commit_before, this_version, version_of

from catalog.identity.keycloak.clients import client_secret
from catalog.members.tables import Member
from catalog.platform.db.scope import OPERATOR

ACCOUNTS = {"CATALOG_KEYCLOAK_CLIENT": "catalog-worker", "CATALOG_KEYCLOAK_PEOPLE_CLIENT": "catalog-people"}


@pytest.fixture(scope="session")
def before() -> Iterator[Version]:
    """The version before: of the newest commit that lacks this one's newest migration, or of CATALOG_TEST_BEFORE."""
    try:
        commit = os.environ.get("CATALOG_TEST_BEFORE") or commit_before()
    except NoHistory as error:
        pytest.fail(str(error))
    with version_of(commit) as version:
        yield version


@pytest.fixture(scope="session")
def now() -> Version:
    """This version."""
    return this_version()


@pytest.fixture
def server_environment(test_database: TestDatabase, issuer: Issuer) -> dict[str, str]:
    return {
        "DATABASE_URL": test_database.server.url,
        "CATALOG_URL": CATALOG,
        "CATALOG_TOOLS_DOMAIN": TOOLS_DOMAIN,
        "CATALOG_OIDC_ISSUER": issuer.url,
        "CATALOG_OIDC_AUDIENCE": AUDIENCE,
    }


@pytest.fixture
async def worker_environment(test_database: TestDatabase, realm: RealmUnderTest, tmp_path: Path) -> dict[str, str]:  # noqa: F811 - the fixture
    known = variables("owner.env")
    keys = tmp_path / "keys"
    keys.mkdir()
    (keys / "1.key").write_bytes(base64.b64encode(os.urandom(32)))
    told = {
        "DATABASE_URL": test_database.worker.url,
        "CATALOG_URL": CATALOG,
        "CATALOG_TOOLS_DOMAIN": TOOLS_DOMAIN,
        "CATALOG_OIDC_ISSUER": realm.issuer,
        "CATALOG_CA_FILE": str(realm.server.ca_file),
        "CATALOG_KEYCLOAK_URL": realm.server.url,
        "CATALOG_KEYCLOAK_REALM": realm.spec.realm,
        "CATALOG_SECRET_KEYS_DIR": str(keys),
        "CATALOG_SSH_KEY_FILE": known["CATALOG_SSH_KEY_FILE"],
        "CATALOG_ANSIBLE_USER": ansible_user(),
    }
    for prefix, account in ACCOUNTS.items():
        file = tmp_path / account
        file.write_text(await client_secret(realm.admin, account), encoding="utf-8")
        told |= {f"{prefix}_ID": account, f"{prefix}_SECRET_FILE": str(file)}
    return told


@pytest.fixture(scope="module")
async def college(realm: RealmUnderTest) -> Organization:  # noqa: F811 - the fixture
    return await realm.organization("probe-college")


@pytest.fixture
async def sides(
    scene: Scene,  # noqa: F811 - the fixture
    college: Organization,
    issuer: Issuer,
    server_environment: dict[str, str],
    worker_environment: dict[str, str],
) -> AsyncIterator[Sides]:
    """One member with its sign-on, one instance of the probe on a real host, and people."""
    async with scene.world.database.begin(OPERATOR) as session:
        member = await session.get_one(Member, scene.instance.member_id)
        member.organization_id = college.id
    made = Sides(
        scene=scene,
        issuer=issuer,
        server_environment=server_environment,
        worker_environment=worker_environment,
        asker=await scene.world.person("Ada Asker", "requester", member=member),
        operator=await scene.world.person("Olga Operator", "operator"),
    )
    yield made
    async with scene.world.database.begin(OPERATOR) as session:
        ids = await session.scalars(sa.text("SELECT id FROM instances"))
        for one in ids:
            short = made.short(one)
            scene.on_host(f"rm -rf /srv/coop/{short} /var/lib/coop/{short} /var/lib/coop-catalog/attempts/{one}*")
