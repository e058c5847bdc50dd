"""What runs keeps to the checkout's own folder."""

from pathlib import Path

from devkit.state import state_folder

from devkit import keycloak, users

TEMPORARY = Path("/tmp")  # noqa: S108 - where programs leave things


def test_keycloak_leaves_nothing_in_the_temporary_folder_of_everybody() -> None:
    started = (state_folder() / "run" / f"{keycloak.NAME}.json").stat().st_mtime
    ours = [path for path in TEMPORARY.iterdir() if path.stat().st_uid in users.numbers()]
    assert [path.name for path in ours if path.stat().st_mtime >= started] == []
