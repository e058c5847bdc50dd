"""What the adapter is asked for: pure data."""

from dataclasses import dataclass, field
from typing import NewType

OrganizationId = NewType("OrganizationId", str)

MEMBERSHIP = "coop-membership"
MEMBERSHIP_EXECUTOR = "coop-membership-executor"
OLDEST_KEYCLOAK = (26, 7, 0)

ACCESS = "coop.access"
EVERYBODY = "everybody"
GRANTS = "coop.grants"
INSTANCE = "coop.instance"
ORGANIZATIONS = "coop.organizations"
MEMBER = "coop.member"
HELP_DESK = "coop.help_desk"


@dataclass(frozen=True)
class RealmSpec:
    """The co-op's realm. `catalog_url` is where the catalog is served, without a slash at its end."""

    realm: str
    catalog_url: str
    theme: str = "coop"
    display_name: str = "Co-op Catalog"
    browser_flow: str = "coop browser"
    post_broker_flow: str = "coop post broker login"
    first_broker_flow: str = "coop first broker login"


@dataclass(frozen=True)
class OrganizationSpec:
    """A member's organization. `organization_id` is the one that is stored with the member, once there is one.

    `alias` is given at birth and never changed; `domains` are its e-mail domains; `help_desk` is what people who are
    not let in are shown (text, an https address or an e-mail address).
    """

    member_id: str
    alias: str
    name: str
    domains: tuple[str, ...]
    organization_id: str | None = None
    help_desk: str | None = None


@dataclass(frozen=True)
class PersonSpec:
    """A person with a password of the realm's own. The password is set when the account is made, and only then."""

    username: str
    email: str
    given_name: str
    family_name: str
    locale: str
    password: str = field(repr=False)
    organization_ids: tuple[str, ...]


@dataclass(frozen=True)
class InstanceClientSpec:
    """The sign-on of an instance. `roles` are the client's own; `organization_ids` are those that it lets in."""

    instance_id: str
    name: str
    base_url: str
    redirect_uris: tuple[str, ...]
    post_logout_uris: tuple[str, ...]
    backchannel_logout_url: str | None
    roles: tuple[str, ...]
    organization_ids: tuple[str, ...]


@dataclass(frozen=True)
class InstanceClient:
    """What an instance signs in with; `changed` says whether anything was set now."""

    client_id: str
    secret: str = field(repr=False)
    changed: bool


def instance_client_id(instance_id: str) -> str:
    """Name the client of an instance."""
    return f"instance-{instance_id}"
