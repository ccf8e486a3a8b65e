"""What ``tivax devices`` prints."""

import os
from typing import Any

import jax

from ...core import Run, machine_memory, processor_name
from ...measures import MATRICES
from ..terminal import Terminal


def print_devices(terminal: Terminal, regions: int, sectors: int) -> None:
    """A row for each device: platform, name, cores (of a processor), memory in GiB, and
    how many years of ``regions`` x ``sectors`` fit into it at once."""
    rows = [_facts(device) for device in jax.devices()]
    for row in rows:
        row["years_at_once"] = _years(row, regions * sectors, len(rows))
    terminal.listing(
        ("device", "platform", "name", "cores", "memory", "years at once"),
        [
            (
                str(row["device"]),
                row["platform"],
                row["name"],
                "-" if row["cores"] is None else str(row["cores"]),
                "-" if row["memory_gib"] is None else f"{row['memory_gib']:.1f} GiB",
                "-" if row["years_at_once"] is None else str(row["years_at_once"]),
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
    memory = machine_memory() if cpu else (stats or {}).get("bytes_limit")
    return {
        "device": device.id,
        "platform": device.platform,
        "name": processor_name() if cpu else device.device_kind,
        "cores": _cores() if cpu else None,
        "memory_gib": None if memory is None else round(memory / 2**30, 1),
    }


def _years(row: dict[str, Any], n: int, devices: int) -> int | None:
    """Years of n x n flows that a device takes at once: a processor one, if it fits."""
    if row["memory_gib"] is None:
        return None
    cpu = row["platform"] == "cpu"
    # The devices into which a processor is divided share its memory.
    room = row["memory_gib"] * 2**30 / (devices if cpu else 1)
    fit = int(room // (MATRICES * 8 * n * n))
    return min(fit, 1) if cpu else fit


def _cores() -> int | None:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
