"""The first label of an instance's hostname: what it may look like, and what is kept from everybody."""

import re
from collections.abc import Iterator

SHORTEST, LONGEST = 3, 40
PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

# Names by which people and programs expect something of the co-op itself, or of the domain's own services.
RESERVED = frozenset(
    {
        "account",
        "accounts",
        "admin",
        "administrator",
        "api",
        "app",
        "apps",
        "auth",
        "autoconfig",
        "autodiscover",
        "backup",
        "backups",
        "blog",
        "catalog",
        "catalogue",
        "cdn",
        "console",
        "coop",
        "dev",
        "dns",
        "docs",
        "email",
        "ftp",
        "git",
        "help",
        "host",
        "hosts",
        "imap",
        "info",
        "internal",
        "keycloak",
        "localhost",
        "login",
        "logout",
        "mail",
        "metrics",
        "monitor",
        "monitoring",
        "mta-sts",
        "mx",
        "news",
        "noc",
        "ns",
        "ns1",
        "ns2",
        "ntp",
        "oauth",
        "oidc",
        "operator",
        "operators",
        "pop",
        "pop3",
        "postmaster",
        "privacy",
        "proxy",
        "root",
        "saml",
        "security",
        "sftp",
        "sign-in",
        "sign-on",
        "signin",
        "signon",
        "site",
        "sites",
        "smtp",
        "ssl",
        "sso",
        "staging",
        "static",
        "status",
        "stun",
        "support",
        "sysadmin",
        "test",
        "tls",
        "tools",
        "turn",
        "vpn",
        "webmail",
        "webmaster",
        "wpad",
        "www",
    }
)


def is_name(written: str) -> bool:
    """Tell whether it can be a name: lower-case letters, digits and single hyphens between them, 3 to 40."""
    return SHORTEST <= len(written) <= LONGEST and _NAME.fullmatch(written) is not None


def default_names(alias: str, tool: str) -> Iterator[str]:
    """Give names in the order in which they are tried: `<alias>-<tool>`, then numbered from 2."""
    wish = re.sub(r"-+", "-", f"{alias}-{tool}").strip("-")
    yield wish[:LONGEST].rstrip("-")
    number = 2
    while True:
        suffix = f"-{number}"
        yield wish[: LONGEST - len(suffix)].rstrip("-") + suffix
        number += 1
