"""People's servers on a hub, as a browser meets them."""

import json
import secrets
import ssl
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx
from devkit.signin import Browser
from devkit.state import state_folder
from tests.bundles.instances import Instance
from tests.identity.realm_under_test import Person
from websockets.sync.client import connect

DEADLINE_SECONDS = 90
ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """Somebody's own server, seen with the browser that they signed in with."""

    hub: Instance
    browser: Browser
    url: str
    page: httpx.Response

    @property
    def username(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def unit(self) -> str:
        return f"{self.hub.short}-jupyter-{self.username}.service"

    def run(self, code: str) -> tuple[str, str]:
        """Run code in a new kernel; gives the state that it is in then, and what it said."""
        path = f"{urlsplit(self.url).path}/"
        cookies = self.browser.http.cookies.jar
        here = (urlsplit(self.url).hostname, path)
        token = next(one.value for one in cookies if one.name == "_xsrf" and (one.domain, one.path) == here)
        made = self.browser.http.post(f"{self.url}/api/kernels", json={}, headers={"X-XSRFToken": str(token)})
        channels = f"{self.url}/api/kernels/{made.raise_for_status().json()['id']}/channels"
        request = self.browser.http.build_request("GET", channels)
        with connect(
            channels.replace("https:", "wss:"),
            ssl=ssl.create_default_context(cafile=state_folder() / "ca" / "ca.pem"),
            additional_headers={"Cookie": request.headers["cookie"]},
            # The server answers the handshake only when the kernel has said that it is alive.
            open_timeout=ANSWER_SECONDS,
        ) as socket:
            message = _execute(code)
            socket.send(json.dumps(message))
            return _outcome(socket, message["header"]["msg_id"])


def started(hub: Instance, browser: Browser, person: Person) -> Server:
    """Sign in and wait until the person's server has started, as the page of the hub does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        page = hub.visit(browser, person, "/hub/spawn").final
        if page.url.path.startswith("/user/"):
            return Server(hub, browser, str(page.url).split("/lab", maxsplit=1)[0], page)
        restarting = page.status_code == HTTPStatus.SERVICE_UNAVAILABLE
        if (page.is_error and not restarting) or time.monotonic() > deadline:
            raise TimeoutError(f"{page.status_code} {page.url}: {page.text[-2000:]}")
        time.sleep(0.3)


def _execute(code: str) -> dict[str, Any]:
    """Make Jupyter's message that asks a kernel to run code."""
    header = {"msg_id": secrets.token_hex(8), "msg_type": "execute_request", "session": "s", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    return {
        "header": header | {"username": "", "date": ""},
        "parent_header": {},
        "metadata": {},
        "channel": "shell",
        "content": content,
    }


def _outcome(socket: Any, message_id: str) -> tuple[str, str]:
    said_so_far = ""
    while True:
        message = json.loads(socket.recv(timeout=ANSWER_SECONDS))
        kind, content = message["msg_type"], message["content"]
        ours = message["parent_header"].get("msg_id") == message_id
        if kind == "stream" and ours:
            said_so_far += content["text"]
        elif kind == "error" and ours:
            said_so_far += "\n".join(content["traceback"])
        elif kind == "status" and (content["execution_state"] in {"restarting", "dead"}):
            return content["execution_state"], said_so_far
        elif kind == "status" and ours and content["execution_state"] == "idle":
            return "idle", said_so_far
