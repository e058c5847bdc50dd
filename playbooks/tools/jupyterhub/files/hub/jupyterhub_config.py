"""The hub's configuration: everything that differs between hubs, or that people typed, is data in settings.json."""

import hashlib
import json
import os
import sys
from pathlib import Path

from coop_jupyterhub import CoopAuthenticator, CoopSpawner
from texts import TEXTS

HERE = Path(__file__).parent
settings = json.loads(Path(os.environ["HUB_SETTINGS"]).read_text(encoding="utf-8"))
texts = TEXTS[settings["language"]]
ports, sso, endpoints = settings["ports"], settings["sso"], settings["endpoints"]
venv = Path(sys.executable).parent

c = get_config()  # noqa: F821 - JupyterHub runs this file with it

c.JupyterHub.bind_url = f"http://127.0.0.1:{ports['proxy']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{ports['hub']}"
c.JupyterHub.public_url = f"{settings['url']}/"
c.JupyterHub.db_url = f"sqlite:///{settings['database']}"
c.JupyterHub.cookie_secret = hashlib.sha256(settings["cookie_secret"].encode()).digest()
c.JupyterHub.cookie_max_age_days = sso["longest_session_minutes"] / (24 * 60)
c.JupyterHub.token_expires_in_max_seconds = sso["longest_session_minutes"] * 60
c.JupyterHub.tornado_settings = {"cookie_options": {"secure": True, "samesite": "Lax"}}
c.JupyterHub.active_server_limit = settings["people"]
c.JupyterHub.template_paths = [str(HERE / "templates")]
c.JupyterHub.template_vars = {
    "hub_title": settings["title"],
    "hub_announcement": settings["announcement"],
    "hub_language": settings["language"],
    "t": texts,
}
# Servers and the proxy go on while the hub is restarted.
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports['proxy_api']}"
c.ConfigurableHTTPProxy.auth_token = settings["proxy_token"]

c.JupyterHub.authenticator_class = CoopAuthenticator
c.Authenticator.auto_login = True
c.OAuthenticator.client_id = sso["client_id"]
c.OAuthenticator.client_secret = sso["client_secret"]
c.OAuthenticator.authorize_url = endpoints["authorization"]
c.OAuthenticator.token_url = endpoints["token"]
c.OAuthenticator.oauth_callback_url = settings["callback_url"]
c.OAuthenticator.logout_redirect_url = endpoints["logout"]
c.OAuthenticator.scope = ["openid", "profile", "email", sso["organization_scope"]]
c.OAuthenticator.enable_pkce = True
c.OAuthenticator.custom_403_message = texts["refused"]
c.CoopAuthenticator.issuer = sso["issuer"]
c.CoopAuthenticator.keys_url = endpoints["keys"]
c.CoopAuthenticator.ca_file = settings["ca_file"]
c.CoopAuthenticator.organization_ids = sso["organization_ids"]
c.CoopAuthenticator.roles = sso["roles"]
c.CoopAuthenticator.default_role = sso["default_role"]

c.JupyterHub.spawner_class = CoopSpawner
c.CoopSpawner.homes = settings["short"]
c.SystemdSpawner.dynamic_users = True
c.SystemdSpawner.unit_name_template = settings["short"] + "-jupyter-{USERNAME}"
c.SystemdSpawner.slice = f"{settings['short']}.slice"
c.SystemdSpawner.default_shell = "/bin/bash"
c.SystemdSpawner.isolate_tmp = True
c.SystemdSpawner.isolate_devices = True
c.SystemdSpawner.disable_user_sudo = True
c.SystemdSpawner.unit_extra_properties = {
    "StateDirectoryMode": "0700",
    "InaccessiblePaths": "-/srv/coop -/etc/coop-catalog -/etc/ssh",
    "ProtectHome": "yes",
    "ProtectProc": "invisible",
    "ProtectControlGroups": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "MemorySwapMax": "0",
    "TasksMax": "512",
    "UMask": "0077",
}
c.Spawner.cmd = [str(venv / "jupyterhub-singleuser")]
c.Spawner.default_url = {"lab": "/lab", "notebook": "/tree"}[settings["interface"]]
c.Spawner.mem_limit = f"{settings['server_memory_mb']}M"
c.Spawner.cpu_limit = settings["server_cpus"]
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.Spawner.environment = {
    "PATH": f"{venv}:/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "JUPYTER_CONFIG_PATH": settings["notebook_config"],
}

c.JupyterHub.services = [
    {
        "name": "idle-culler",
        "command": [sys.executable, "-m", "jupyterhub_idle_culler", f"--timeout={settings['idle_minutes'] * 60}"],
    }
]
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    }
]
