"""An Ansible callback that ends the playbook before its next task, once somebody asked for that.

Whoever asks makes the file that `COOP_STOP_FILE` names. Ansible calls this in its main process before it hands a
task out, and takes a `KeyboardInterrupt` as what it is: nothing more begins, and its exit status is 99.
"""

import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):  # type: ignore[misc] # Ansible has no types
    """Looks for the file before each task."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "stop_between_tasks"

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:  # noqa: ARG002, FBT001 - Ansible's
        """End the playbook where the file is there."""
        if Path(os.environ["COOP_STOP_FILE"]).exists():
            raise KeyboardInterrupt
