"""Goes to a finished tool as each kind of visitor: one who may, one of another member, one who has not signed in."""

import os
import shutil
import subprocess
import sys
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from devkit import browsing
from devkit.running import Failed
from devkit.signin import Browser, Journey
from devkit.state import state_folder, user
from devkit.telling import Teller


class WrongReception(Failed):
    """A tool let somebody in who may not, or kept somebody out who may; the message says where it ended."""


def visit_as_everybody(tell: Teller, wish: dict[str, Any], url: str, passwords: dict[str, str], ca_file: str) -> None:
    """Go there as all three, and say what each met. Raises `WrongReception`."""
    member, outsider = wish["asked_by"], wish["outsider"]
    hostname = urlsplit(url).hostname
    anonymous = _journey(url, ca_file)
    _require(urlsplit(str(anonymous.final.url)).hostname != hostname, "an anonymous visitor", anonymous)
    tell.say(f"  {hostname}: somebody who has not signed in is shown the sign-in page")
    refused = _journey(url, ca_file, outsider, passwords[outsider])
    _require(refused.final.status_code == HTTPStatus.FORBIDDEN, outsider, refused)
    tell.say(f"  {hostname}: {outsider}, of another member, is refused by Keycloak (403)")
    welcome = _journey(url, ca_file, member, passwords[member])
    inside = urlsplit(str(welcome.final.url)).hostname == hostname and welcome.final.is_success
    _require(inside, member, welcome)
    tell.say(f"  {hostname}: {member} is signed in")


def take_picture(tell: Teller, wish: dict[str, Any], url: str, passwords: dict[str, str]) -> None:
    """Sign in with a real browser and save what it shows."""
    home = browsing.profile()
    profile = home / f"picture-{wish['picture']}"
    picture = home / f"{wish['picture']}.png"
    module = [sys.executable, "-m", "devkit.demo.picture", str(profile), f"{url}/", wish["asked_by"], str(picture)]
    as_user = ["setpriv", "--reuid", user(), "--regid", user(), "--clear-groups"]
    with tell.chapter(f"Chromium signs in as {wish['asked_by']} and takes a picture"):
        shutil.rmtree(profile, ignore_errors=True)
        done = subprocess.run(
            [*as_user, *module, *browsing.options()],
            input=passwords[wish["asked_by"]],
            env={"PATH": os.environ["PATH"], "HOME": str(home)},
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise Failed(f"Chromium took no picture of {url}: what it said stands above.")
    kept = state_folder() / "pictures" / picture.name
    shutil.copy(picture, kept)
    tell.say(f"  saved as .dev/pictures/{kept.name}")


def _journey(url: str, ca_file: str, username: str = "", password: str = "") -> Journey:
    with Browser(ca_file) as browser:
        return browser.visit(f"{url}/", username, password)


def _require(met: bool, who: str, journey: Journey) -> None:  # noqa: FBT001 - what was to be met
    if not met:
        ended = urlsplit(str(journey.final.url))._replace(query="").geturl()
        raise WrongReception(f"{who} ended at {ended} with status {journey.final.status_code}")
