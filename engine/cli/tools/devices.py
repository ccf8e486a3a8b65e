"""What ``tivax devices`` prints."""

import os
from pathlib import Path
from typing import Any

import jax

from ...core import Run, processor_name
from ..terminal import Terminal


def print_devices(terminal: Terminal) -> None:
    """A row for each device: platform, name, cores (of a processor), memory in GiB."""
    rows = [_facts(device) for device in jax.devices()]
    terminal.listing(
        ("device", "platform", "name", "cores", "memory"),
        [
            (
                str(row["device"]),
                row["platform"],
                row["name"],
                "-" if row["cores"] is None else str(row["cores"]),
                "-" if row["memory_gib"] is None else f"{row['memory_gib']:.1f} GiB",
            )
            for row in rows
        ],
    )
    record = {}
    if terminal.json:
        record = Run("devices").manifest(residual_max=None, outputs=[], devices=rows)
    terminal.finish(record)
    if terminal.out.is_terminal:  # elsewhere the lines are read by a program
        terminal.print("Next: tivax demo --out demo")


def _facts(device: Any) -> dict[str, Any]:
    """On a CPU all cores are one device, and the memory is that of the machine."""
    cpu = device.platform == "cpu"
    stats = None if cpu else device.memory_stats()
    memory = _memory() if cpu else (stats or {}).get("bytes_limit")
    return {
        "device": device.id,
        "platform": device.platform,
        "name": processor_name() if cpu else device.device_kind,
        "cores": _cores() if cpu else None,
        "memory_gib": None if memory is None else round(memory / 2**30, 1),
    }


def _cores() -> int | None:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory() -> int | None:
    """Bytes of the machine, or of its container where that has less."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.exists() else ""
    return min(found, int(text)) if text.isdigit() else found
