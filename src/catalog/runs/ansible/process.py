"""Runs a playbook in a process of its own, and gives what it tells, line by line, as it happens."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import structlog

from catalog.runs.ansible import fence
from catalog.runs.ansible.workspace import Play, Reach, as_user, connection, sweep, workspace

LONGEST_LINE = 16 * 2**20
STOP_SECONDS = 15
END_SECONDS = 15
INTERRUPTED = 99
CALLBACKS = Path(__file__).with_name("callbacks")
SSH_OPTIONS = (
    "-F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o ConnectTimeout=10 "
    "-o ServerAliveInterval=3 -o ServerAliveCountMax=3 -o ControlMaster=auto -o ControlPersist=30s"
)

log = structlog.get_logger()


class ChildDied(Exception):
    """The process ended without telling how the playbook ended; the message is the end of its error output."""


class PlaybookRunner:
    """Runs playbooks as `user` (None: as this process's own), with the SSH key of `key_file`."""

    def __init__(self, user: str | None, key_file: Path) -> None:
        self._user = user
        self._key_file = key_file

    async def run(self, play: Play, stopping: asyncio.Event) -> AsyncGenerator[dict[str, Any]]:
        """Give each line; the last is `{"event": "end", "status": …}`. Raises `ChildDied`, `ArchiveDamaged`.

        Once `stopping` is set, the playbook ends before its next task begins, with the status `INTERRUPTED`. Closing
        the iterator, or cancelling whoever waits for it, ends everything that was started here.
        """
        with workspace(play, self._user) as folder:
            process = await self._start(folder, play.playbook, str(play.verbosity))
            asking = asyncio.create_task(_ask_to_stop(process, stopping))
            try:
                async for line in _lines(process):
                    yield line
            finally:
                asking.cancel()
                await asyncio.shield(_ended(process))

    async def end(self, reach: Reach) -> bool:
        """End on the host what an attempt runs there, and let it begin nothing more; tell whether the host did so."""
        try:
            with connection(reach, fence.ending(reach.instance_id, reach.attempt), self._user) as folder:
                return await self._ended_on_host(folder)
        except (OSError, ChildDied):  # a time-out and a full disk are of the first kind
            log.warning("playbook.end_on_host_failed", exc_info=True)
            return False

    async def _ended_on_host(self, folder: Path) -> bool:
        process = await self._start(folder)
        try:
            async with asyncio.timeout(END_SECONDS):
                return [line async for line in _lines(process)][-1]["status"] in {0, fence.REFUSED}
        finally:
            await asyncio.shield(_ended(process))

    async def sweep(self) -> None:
        """Remove what workers that were killed have left in memory."""
        await asyncio.to_thread(sweep, self._user)

    async def _start(self, folder: Path, *playbook: str) -> asyncio.subprocess.Process:
        """Start the child in `folder`: with a playbook and its verbosity, or for the fence's script alone."""
        command = [sys.executable, "-m", "catalog.runs.ansible.child", str(folder), str(os.getpid()), *playbook]
        process = await asyncio.create_subprocess_exec(
            *as_user(self._user),
            *command,
            env=environment(folder),
            cwd=folder / "home" if self._user is None else "/",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            start_new_session=True,
        )
        if process.stdin is None:
            raise TypeError("stdin")
        process.stdin.write(await asyncio.to_thread(self._key_file.read_bytes))
        process.stdin.close()
        return process


def environment(folder: Path) -> dict[str, str]:
    """Give all that the playbook's process may know of its surroundings; nothing of the worker's comes along."""
    project = folder / "project"
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ANSIBLE_CONFIG": str(project / "ansible.cfg"),
        "ANSIBLE_ROLES_PATH": str(project / "roles"),
        "ANSIBLE_FILTER_PLUGINS": str(project / "plugins" / "filter"),
        "ANSIBLE_LIBRARY": str(project / "plugins" / "modules"),
        "COOP_STOP_FILE": str(folder / "stop"),
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        # Modules would write their arguments into the host's journal.
        "ANSIBLE_NO_TARGET_SYSLOG": "true",
        "ANSIBLE_SSH_ARGS": f"{SSH_OPTIONS} -o UserKnownHostsFile={folder / 'known_hosts'}",
        "ANSIBLE_SSH_CONTROL_PATH": str(folder / "cp" / "%%C"),  # Ansible fills in its own names by %
    }


def ansible_core() -> str:
    """Name the version that playbooks run under."""
    return version("ansible-core")


async def _lines(process: asyncio.subprocess.Process) -> AsyncGenerator[dict[str, Any]]:
    if process.stdout is None or process.stderr is None:
        raise TypeError("stdout")
    errors = asyncio.create_task(process.stderr.read())
    try:
        ended = False
        async for raw in process.stdout:
            line = msgspec.json.decode(raw, type=dict[str, Any])
            ended = line["event"] == "end"
            yield line
        if not ended:
            raise ChildDied((await errors)[-2000:].decode(errors="replace"))
    finally:
        errors.cancel()


async def _ask_to_stop(process: asyncio.subprocess.Process, stopping: asyncio.Event) -> None:
    await stopping.wait()
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGUSR1)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """End the process if it still runs. It ends what it started before it goes."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        log.warning("playbook.killed", pid=process.pid)
        process.kill()
        await process.wait()
