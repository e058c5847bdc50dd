"""Takes a picture of a page with a real browser, signed in. Runs as an ordinary user, so that its sandbox works.

    python -m devkit.demo.picture PROFILE URL USERNAME PICTURE OPTION…

The password comes by standard input; the options are Chromium's.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, ViewportSize, sync_playwright

from devkit.browsing import CHROMIUM

PATIENCE_MS = 90_000


def main(arguments: list[str]) -> int:
    """Sign in, wait until the page has settled, and save the picture."""
    profile, url, username, picture, *options = arguments
    password = sys.stdin.read()
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=options,
            viewport=ViewportSize(width=1200, height=800),
            locale="en-CA",
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(url)
        _sign_in(page, username, password)
        page.wait_for_url(lambda address: urlsplit(address).hostname == urlsplit(url).hostname)
        page.wait_for_load_state("load")
        _wait_for_a_server(page)
        page.screenshot(path=str(Path(picture)))
        context.close()
    return 0


def _sign_in(page: Page, username: str, password: str) -> None:
    """Fill Keycloak's pages as a person does: the name, then the password, on one page or on two."""
    page.locator("#username").fill(username)
    if not page.locator("#password").is_visible():
        page.locator("#kc-login").click()
    page.locator("#password").fill(password)
    page.locator("#kc-login").click()


def _wait_for_a_server(page: Page) -> None:
    """Wait where a notebook server is started: its page leads on by itself, to the address under /user/."""
    if "/hub/" in page.url:
        page.wait_for_url("**/user/**")
    if "/user/" in page.url:
        page.locator(".jp-LauncherCard").first.wait_for()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
