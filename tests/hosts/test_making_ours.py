"""A fresh Debian becomes one of ours, on a real machine; the same again changes nothing."""

import asyncio
import json
import sys
from pathlib import Path

from devkit.hosts.records import known
from devkit.state import state_folder
from tests.hosts.machine_scene import MachineScene
from tests.support.environment import ROOT, variables


async def checked(scene: MachineScene, folder: Path) -> tuple[int, str]:
    """Run the playbook in check mode, as an operator does by hand; give its exit status and what it said."""
    host = {
        "ansible_host": known()[scene.name].address,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": variables("owner.env")["CATALOG_SSH_KEY_FILE"],
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={state_folder() / 'known_hosts'}",
        "host": {"ssh_port": 22},
    }
    inventory = folder / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"instance_host": host}}}), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("ansible-playbook")),
        *("-i", str(inventory), "--check", "hosts/prepare.yml"),
        cwd=ROOT / "playbooks",
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_a_fresh_debian_becomes_one_of_ours_and_the_same_again_changes_nothing(
    scene: MachineScene, tmp_path: Path
) -> None:
    status, told = await checked(scene, tmp_path)
    assert status == 0, told
    assert "changed=0 " not in told, "it says what it would do"
    assert scene.on_host("ls /etc/apt/apt.conf.d/99coop-catalog 2>/dev/null || echo none") == "none", "and does nothing"

    first = await scene.work(await scene.start_prepare())
    assert first.state == "succeeded", first.error
    assert scene.on_host("apt-config dump APT::Periodic::Enable") == 'APT::Periodic::Enable "0";'
    assert scene.on_host("stat -c '%U:%G %a' /etc/coop-catalog /var/lib/coop-catalog /usr/local/lib/coop-catalog") == (
        "root:root 755\nroot:root 755\nroot:root 755"
    )
    assert scene.on_host("systemctl show -P DefaultMemoryAccounting") == "yes"
    assert scene.on_host("cat /etc/locale.conf /etc/default/locale") == "LANG=C.UTF-8\nLANG=C.UTF-8"
    assert scene.on_host("journalctl --header | grep -c 'File path: /var/log/journal/'") != "0"
    accepted = scene.on_host("nft list table inet coop_catalog")
    assert "policy drop" in accepted
    assert "tcp dport { 22, 80, 443 } accept" in accepted
    assert scene.on_host("systemctl is-enabled coop-catalog-firewall") == "enabled"
    assert scene.on_host("systemctl list-timers --all --no-legend coop-catalog-firewall-guard.timer") == "", (
        "nothing takes it back any more"
    )

    run_id = await scene.start_prepare()
    again = await scene.work(run_id)
    assert await scene.changed_tasks(run_id) == []
    result = (again.result or {})["prepare"]
    assert (again.state, result["changed"], result["changed_by_hand"]) == ("succeeded", 0, [])


async def test_what_only_a_person_can_see_to_is_told_and_what_somebody_changed_by_hand_is_put_right(
    scene: MachineScene,
) -> None:
    scene.on_host(
        "mv /etc/coop-catalog/tls/key.pem /root/key.pem; openssl genpkey -algorithm ed25519"
        " -out /etc/coop-catalog/tls/key.pem 2>/dev/null; echo '# by hand' >>/etc/apt/apt.conf.d/99coop-catalog;"
        " touch /run/reboot-required; nft add table inet somebody_else"
    )
    try:
        run = await scene.work(await scene.start_prepare())
    finally:
        scene.on_host(
            "mv /root/key.pem /etc/coop-catalog/tls/key.pem; rm /run/reboot-required;"
            " nft delete table inet somebody_else"
        )
    assert run.state == "succeeded", run.error
    result = (run.result or {})["prepare"]
    assert {"certificate-key-differs", "firewall-of-its-own", "restart-needed"} <= set(result["findings"])
    assert result["changed_by_hand"] == ["/etc/apt/apt.conf.d/99coop-catalog"]
    assert "by hand" not in scene.on_host("cat /etc/apt/apt.conf.d/99coop-catalog")
