"""The name of the file system that a path is on, for people: what lies there may die with a machine or a pod."""

import os
from pathlib import Path


def file_system_of(path: Path) -> str:
    """Such as `ext4`, `overlay` or `tmpfs`; `unknown` where the system does not say (it does on Linux)."""
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    resolved = os.path.realpath(existing)
    found = ("", "unknown")
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as mounts:
            for line in mounts:
                before, _, after = line.partition(" - ")
                place = before.split(" ")[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
                inside = resolved == place or resolved.startswith(place.rstrip("/") + "/")
                if inside and len(place) >= len(found[0]):
                    found = (place, after.split(" ")[0])
    except (OSError, IndexError, ValueError):
        return "unknown"
    return found[1]
