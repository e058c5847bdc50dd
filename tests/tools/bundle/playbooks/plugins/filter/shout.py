# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes text in capitals."""


class FilterModule:
    """Ansible's way to a filter."""

    def filters(self) -> dict:
        """Give the filters by name."""
        return {"shout": str.upper}
