"""Why a site or a host is not written down, or not changed."""

from catalog.platform.errors import CatalogError, Kind
from catalog.platform.i18n import Text


class SiteRefused(CatalogError):
    """What was said of a site can't stand; `fields` says which parts."""

    code = "site-refused"
    kind = Kind.INVALID
    title = Text(en="The site was not added", fr="Le site n’a pas été ajouté")
    detail = Text(
        en="Correct what is listed and try again.",
        fr="Corrigez ce qui est indiqué, puis réessayez.",
    )


class SiteDiffers(CatalogError):
    """A site of that slug is there already, and says something else."""

    code = "site-differs"
    kind = Kind.CONFLICT
    title = Text(en="There is such a site already", fr="Ce site existe déjà")
    detail = Text(
        en="{slug} was added before with another {differing}. Nothing was changed.",
        fr="{slug} a déjà été ajouté avec d’autres valeurs : {differing}. Rien n’a été modifié.",
    )


class HostRefused(CatalogError):
    """What was found on a host keeps it from taking instances; `fields` says what."""

    code = "host-refused"
    kind = Kind.INVALID
    title = Text(en="The host was not added", fr="L’hôte n’a pas été ajouté")
    detail = Text(
        en="{name} can’t take instances as it is. Mend what is listed and try again.",
        fr="{name} ne peut accueillir d’instances dans cet état. Corrigez ce qui est indiqué, puis réessayez.",
    )


class HostDiffers(CatalogError):
    """A host of that name is there already, and is another one."""

    code = "host-differs"
    kind = Kind.CONFLICT
    title = Text(en="There is such a host already", fr="Cet hôte existe déjà")
    detail = Text(
        en="{name} was added before at another site or address, or with another SSH key. Nothing was changed.",
        fr="{name} a déjà été ajouté, à un autre site, une autre adresse ou avec une autre clé. Rien n’a été modifié.",
    )


class HostUnreachable(CatalogError):
    """SSH did not get there, or met another key."""

    code = "host-unreachable"
    kind = Kind.UNAVAILABLE
    title = Text(en="The host can’t be reached", fr="L’hôte est injoignable")
    detail = Text(
        en="SSH said: {said}. Look at the address, the port, and that root there knows our key.",
        fr="SSH a répondu : {said}. Voyez l’adresse, le port, et que root y connaît notre clé.",
    )


class HostKeyUnknown(CatalogError):
    """Nobody has confirmed the host's key."""

    code = "host-key-unknown"
    kind = Kind.CONFLICT
    title = Text(en="The host’s key is not confirmed", fr="La clé de l’hôte n’est pas confirmée")
    detail = Text(
        en="It shows {found}. Compare that at its console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "
        "then say --fingerprint with what stands there.",
        fr="Il présente {found}. Comparez à sa console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), "
        "puis indiquez --fingerprint avec ce qui y figure.",
    )


class HostRetired(CatalogError):
    """The host was given up for good: nothing is done on it any more."""

    code = "host-retired"
    kind = Kind.CONFLICT
    title = Text(en="The host is retired", fr="L’hôte est retiré")
    detail = Text(
        en="{name} was given up for good, so nothing is done on it any more.",
        fr="{name} a été abandonné pour de bon : plus rien ne s’y fait.",
    )
