"""The tasks of a playbook, read without running anything."""

from pathlib import Path

from catalog.tools.archives import archive
from catalog.tools.bundles import read_bundle
from catalog.tools.task_lists import TaskEntry, tasks_of

PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"

PLAYBOOK = b"""
- hosts: instance_host
  roles: [front]
  tasks:
    - name: First
      ansible.builtin.command: "true"
    - ansible.builtin.debug:
        msg: no name
    - when: something
      block:
        - name: Within
          ansible.builtin.include_tasks: more.yml
      rescue:
        - name: After a failure
          ansible.builtin.command: "true"
    - name: Known only then
      ansible.builtin.include_tasks: "{{ which }}.yml"
    - name: Draw in
      ansible.builtin.include_role: {name: front, tasks_from: remove}
"""
FILES = {
    "tools/x/provision.yml": PLAYBOOK,
    "tools/x/more.yml": b"- {name: More, ansible.builtin.command: 'true', when: yes}",
    "roles/front/tasks/main.yml": b"- {name: In front, ansible.builtin.include_tasks: inner.yml}",
    "roles/front/tasks/inner.yml": b"- {name: Inner, ansible.builtin.command: !unsafe 'true'}",
    "roles/front/tasks/remove.yml": b"- {name: Remove, ansible.builtin.command: 'true'}",
}


def test_every_task_is_listed_in_order_with_its_role_and_whether_a_condition_stands_before_it() -> None:
    assert tasks_of(archive({}, FILES), "tools/x/provision.yml") == [
        TaskEntry("Inner", "front", conditional=False),
        TaskEntry("First", None, conditional=False),
        TaskEntry("ansible.builtin.debug", None, conditional=False),
        TaskEntry("More", None, conditional=True),
        TaskEntry("After a failure", None, conditional=True),
        TaskEntry("Known only then", None, conditional=False),
        TaskEntry("Remove", "front", conditional=False),
    ]


def test_a_file_that_draws_itself_in_ends() -> None:
    files = {"tools/x/provision.yml": b"- {hosts: all, tasks: [{include_tasks: again.yml}]}"}
    files["tools/x/again.yml"] = b"- include_tasks: again.yml"
    assert tasks_of(archive({}, files), "tools/x/provision.yml") == []


def test_the_tasks_of_the_catalogs_own_tools_are_known() -> None:
    for slug in ("dokuwiki", "jupyterhub"):
        tasks = tasks_of(read_bundle(PLAYBOOKS, slug).archive, f"tools/{slug}/provision.yml")
        assert TaskEntry("Bring into force what the web server was told", "web_front", conditional=False) in tasks
        assert tasks[-1].task == "Tell the result"
