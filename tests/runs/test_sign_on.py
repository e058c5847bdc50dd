"""What becomes of a run while Keycloak is away."""

import sqlalchemy as sa
from tests.runs.scene import Scene

from catalog.members.tables import Member
from catalog.platform.db.scope import OPERATOR
from catalog.runs.service import start_instance_run


async def test_a_run_waits_while_keycloak_is_down_and_says_so_in_both_languages(scene: Scene) -> None:
    async with scene.world.database.begin(OPERATOR) as session:
        await session.execute(sa.update(Member).values(organization_id="made-up"))
        instance = await session.get_one(type(scene.instance), scene.instance.id)
        run_id = (await start_instance_run(session, instance, "provision", requested_by="command")).id
    await scene.engine().work(run_id)
    run = await scene.run(run_id)
    error = run.error or {}
    assert (run.state, error["code"], error["step"]) == ("waiting", "keycloak-unavailable", "identity")
    assert error["title"] == {"en": "Keycloak does not answer", "fr": "Keycloak ne répond pas"}
    assert scene.on_host(f"ls {scene.home} 2>/dev/null || true") == "", "nothing was begun on the host"


async def test_a_member_without_a_sign_on_gets_no_instance(scene: Scene) -> None:
    async with scene.world.database.begin(OPERATOR) as session:
        instance = await session.get_one(type(scene.instance), scene.instance.id)
        run_id = (await start_instance_run(session, instance, "provision", requested_by="command")).id
    await scene.engine().work(run_id)
    run = await scene.run(run_id)
    assert (run.state, (run.error or {})["code"]) == ("failed", "sign-on-not-ready")
