"""The hosts of the development network: booted Debian systems with systemd and SSH, on this one machine."""
