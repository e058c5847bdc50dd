"""The fence on the host: what lets one attempt at a subject (an instance, or the host) act there, and no older one."""

import hashlib
from importlib.resources import files
from uuid import UUID

PATH = "/usr/local/lib/coop-catalog/fence"
ATTEMPTS = "/var/lib/coop-catalog/attempts"
REFUSED = 97
SCRIPT = files(__package__).joinpath("fence.sh").read_text(encoding="utf-8")

_INSTALL = """\
set -eu
umask 022
wanted={digest}
found=$(sha256sum {path} 2>/dev/null | cut -d ' ' -f 1 || true)
if [ "$found" != "$wanted" ]; then
    mkdir -p {folder}
    new=$(mktemp {folder}/.fence.XXXXXX)
    cat >"$new" <<'END_OF_FENCE'
{script}END_OF_FENCE
    chmod 755 "$new"
    mv "$new" {path}
fi
exec {path} "$@"
"""


def executable(subject_id: UUID, attempt: int) -> str:
    """Name the shell that every command of this attempt goes through; the takeover writes it."""
    return f"{ATTEMPTS}/{subject_id}.shell-{attempt}"


def takeover(subject_id: UUID, attempt: int) -> str:
    """Give the shell script that brings the fence to the host, raises the attempt, and ends what older ones run."""
    return _script(subject_id, attempt, "--take")


def ending(subject_id: UUID, attempt: int) -> str:
    """Give the shell script that ends what this attempt and older ones run on the host, and refuses more of them."""
    return _script(subject_id, attempt, "--end")


def script() -> str:
    """Give the shell script that brings the fence to the host, and hands it its own arguments."""
    digest = hashlib.sha256(SCRIPT.encode()).hexdigest()
    return _INSTALL.format(digest=digest, path=PATH, folder=PATH.rpartition("/")[0], script=SCRIPT)


def _script(subject_id: UUID, attempt: int, action: str) -> str:
    return f"set -- {subject_id} {attempt} {action}\n{script()}"
