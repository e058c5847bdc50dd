"""The process that runs one playbook, as Ansible's user. It tells what happens as JSON lines on standard output.

    python -m catalog.runs.ansible.child FOLDER PARENT [PLAYBOOK VERBOSITY [check]]

It runs the folder's `fence.sh` on the host first, and tells what that said; without a playbook that is all. With
`check`, the playbook changes nothing, and says what it would change. SIGUSR1 has the playbook end before its next task
(`callbacks/stop_between_tasks.py`). It is given the SSH key on standard input, hands it to an agent of its own, and
keeps nothing of it. When the worker goes away, or says so (SIGTERM), it ends everything that the playbook started here.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
KEPT = ("host", "task", "role", "res", "ignore_errors", "artifact_data", "changed")
FENCE_SECONDS = 60
SSH, SSH_AGENT, SSH_ADD = "/usr/bin/ssh", "/usr/bin/ssh-agent", "/usr/bin/ssh-add"
UNREACHABLE = 255


class Family:
    """All processes below this one: it adopts those that lose their parent, so that none gets away."""

    def __init__(self) -> None:
        self.ended = False

    def end(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Kill them all, and those that they start meanwhile."""
        self.ended = True
        while below := _descendants(os.getpid()):
            for pid in below:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            _reap_orphans()
            time.sleep(0.01)
        os._exit(0)


def main(arguments: list[str]) -> int:
    """Pass the fence on the host, then run the playbook; gives 0 whatever came of it: that is told in the last line."""
    folder, parent, *playbook = Path(arguments[0]), int(arguments[1]), *arguments[2:]
    family = Family()
    _guard(family, parent)
    signal.signal(signal.SIGUSR1, lambda _signal, _frame: Path(os.environ["COOP_STOP_FILE"]).touch())
    key = sys.stdin.buffer.read()
    agent = _start_agent(folder, key)
    del key
    try:
        status = _pass_fence(folder)
        if status == 0 and playbook:
            status = _play(folder, playbook[0], int(playbook[1]), check="check" in playbook[2:])
            _tell_unpredicted(Path(os.environ["COOP_UNPREDICTED_FILE"]))
        _tell({"event": "end", "status": status})
    finally:
        agent.terminate()
    return 0


def _guard(family: Family, parent: int) -> None:
    """See to it that nothing outlives the worker, and that nobody of the same user looks into this process's memory."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_DUMPABLE, 0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, family.end)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        family.end()


def _start_agent(folder: Path, key: bytes) -> subprocess.Popen[bytes]:
    """Start an agent that signs for the connections of this run, and never gives the key out."""
    socket = folder / "agent"
    agent = subprocess.Popen(  # noqa: S603 - our own command
        [SSH_AGENT, "-D", "-a", str(socket)], stdout=subprocess.DEVNULL
    )
    os.environ["SSH_AUTH_SOCK"] = str(socket)
    while not socket.exists() and agent.poll() is None:
        time.sleep(0.01)
    subprocess.run([SSH_ADD, "-q", "-"], input=key, check=True, stderr=subprocess.DEVNULL)  # noqa: S603 - the same
    return agent


def _pass_fence(folder: Path) -> int:
    """Bring the fence to the host, and have it take the attempt over, or end it; gives the exit status."""
    host = json.loads((folder / "inventory" / "hosts.json").read_text(encoding="utf-8"))["all"]["hosts"]
    (target,) = host.values()
    options = os.environ["ANSIBLE_SSH_ARGS"].split()
    path = os.environ["ANSIBLE_SSH_CONTROL_PATH"].replace("%%", "%")
    control = ["-o", f"ControlPath={path}"]
    address = f"{target['ansible_user']}@{target['ansible_host']}"
    command = [SSH, *options, *control, "-p", str(target["ansible_port"]), address, "sh"]
    script = (folder / "fence.sh").read_bytes()
    try:
        done = subprocess.run(  # noqa: S603 - the host and the options are of the run's own making
            command, input=script, capture_output=True, timeout=FENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        message = f"It took the connection, and said nothing for {FENCE_SECONDS} seconds."
        _tell({"event": "fence_failed", "status": UNREACHABLE, "message": message})
        return UNREACHABLE
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        _tell({"event": "fence_failed", "status": done.returncode, "message": said})
    elif done.stdout:
        _tell({"event": "said", "text": done.stdout.decode(errors="replace")})
    return done.returncode


def _play(folder: Path, playbook: str, verbosity: int, *, check: bool) -> int:
    import ansible_runner

    result = ansible_runner.interface.run(
        private_data_dir=str(folder),
        project_dir=str(folder / "project"),
        playbook=playbook,
        inventory=str(folder / "inventory" / "hosts.json"),
        cmdline=f"-e @{folder / 'vars.json'}" + (" --check --diff" if check else ""),
        settings={"pexpect_timeout": 1, "suppress_ansible_output": True},
        event_handler=_told,
        # Left to itself it takes SIGTERM for its own, and ends no task that runs: `Family` does.
        cancel_callback=lambda: False,
        quiet=True,
        verbosity=verbosity or None,
        ident="run",
    )
    return int(result.rc or 0)


def _tell_unpredicted(file: Path) -> None:
    """Tell of the tasks that check mode could not foretell (`callbacks/tell_unpredicted.py`)."""
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            _tell({"event": "unpredicted", **json.loads(line)})


def _told(event: dict[str, Any]) -> bool:
    data = event.get("event_data") or {}
    kept = {name: data[name] for name in KEPT if data.get(name) is not None}
    line: dict[str, Any] = {"event": event["event"], **kept}
    if event["event"] in {"verbose", "warning", "deprecated", "error"}:
        line["text"] = event.get("stdout") or ""
    _tell(line)
    return False  # nothing of it is kept in files


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, default=str) + "\n")
    sys.stdout.flush()


def _descendants(ancestor: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while more := {pid for pid, parent in parents.items() if parent in found | {ancestor}} - found:
        found |= more
    return found


def _reap_orphans() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
