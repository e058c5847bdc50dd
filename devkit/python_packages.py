"""The virtual environment: exactly the locked packages, by their hashes, and the product itself from this checkout."""

import shutil
import sys
from pathlib import Path

from devkit.running import run
from devkit.state import CHECKOUT, INSIDE, digest_of, stamp, stamped, state_folder

NAME = "venv"
LOCK = CHECKOUT / "requirements.lock"


def python() -> Path:
    """Give its interpreter."""
    return state_folder() / NAME / "bin" / "python"


def there() -> bool:
    """Tell whether it was finished once, for this lock or another."""
    return (state_folder() / "stamps" / NAME).is_file()


def ensure() -> None:
    """Make it, or bring it to what the lock says, unless that was done. Runs inside: its scripts hold their path."""
    digest = digest_of(LOCK)
    if stamped(NAME, digest):
        return
    folder = state_folder() / NAME
    if not (folder / "bin" / "pip").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", folder], NAME)
    # What was downloaded before an interruption is kept, and not in somebody's home.
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--cache-dir", str(state_folder() / "cache/pip")]
    run([python(), "-m", "pip", "install", *quiet, "--require-hashes", "-r", LOCK], NAME)
    packages = next(folder.glob("lib/python3*/site-packages"))
    (packages / "coop_catalog.pth").write_text(f"{INSIDE / 'src'}\n{INSIDE}\n", encoding="ascii")
    script = folder / "bin" / "catalog"
    script.write_text(f"#!{INSIDE / '.dev' / NAME / 'bin' / 'python'}\nfrom catalog.__main__ import main\n\nmain()\n")
    script.chmod(0o755)
    stamp(NAME, digest)
