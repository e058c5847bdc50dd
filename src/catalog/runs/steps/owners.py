"""The instance's owner gets the tool's strongest role, so that somebody at the member can look after it."""

from catalog.identity.keycloak.instance_clients import assign_roles
from catalog.identity.keycloak.people import find_member_by_email
from catalog.runs.steps.parts import Parts, keycloak
from catalog.runs.steps.subject import Subject


async def give_owner_their_role(parts: Parts, subject: Subject) -> bool:
    """Give the role, if somebody with the owner's address has an account at the member; tell whether there is one.

    An owner who has never signed in has no account yet: their role is given by the next run.
    """
    (organization_id, *_) = subject.organization_ids()
    async with keycloak(parts.people) as connection:
        found = await find_member_by_email(connection, organization_id, subject.instance.owner_email)
        if found is None:
            return False
        roles = subject.manifest.sign_on.roles
        await assign_roles(connection, str(subject.instance.id), {found: roles[:1]})
    return True
