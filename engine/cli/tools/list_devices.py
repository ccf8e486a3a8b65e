"""Printed output of ``tivax list devices``."""

import os
from typing import Any

import jax

from ...core import Run, machine_memory, processor_name
from ...streaming import is_too_large, years_that_fit
from ..terminal import Terminal

_SEVERAL = 2  # years: with more of them the next one is read meanwhile
# Commands, and the program of each that takes most.
_PROGRAMS = {"tbi": "tbi", "decompose": "ltv", "indicators": "indicators"}


def print_devices(terminal: Terminal, regions: int, sectors: int) -> None:
    """A row for each device: platform, name, cores (of a processor), memory in GiB, and
    how many years of ``regions`` x ``sectors`` fit into it at once, of ``tbi`` and of
    the others; what becomes of years that do not fit is told on stderr."""
    n = regions * sectors
    devices = jax.devices()
    rows = [_facts(device, regions, sectors, len(devices)) for device in devices]
    terminal.listing(
        (
            *("device", "platform", "name", "cores", "memory", "years at once"),
            *(f"of {k}" for k in _PROGRAMS if k != "tbi"),
        ),
        [
            (
                str(row["device"]),
                row["platform"],
                row["name"],
                "-" if row["cores"] is None else str(row["cores"]),
                "-" if row["memory_gib"] is None else f"{row['memory_gib']:.1f} GiB",
                *(
                    "-" if row["years"] is None else str(row["years"][k])
                    for k in _PROGRAMS
                ),
            )
            for row in rows
        ],
    )
    if which := _streamed(rows, n):
        terminal.announce(
            f"{which} of {regions} x {sectors} are streamed: tbi, indicators and the "
            "like read them from the store in slabs of rows as they compute; what "
            "needs the Leontief inverse itself needs fewer regions or sectors first "
            "(`tivax aggregate`)"
        )
    record = {}
    if terminal.json:
        record = Run("list").manifest(residual_max=None, outputs=[], devices=rows)
    terminal.finish(record)
    if terminal.out.is_terminal:  # elsewhere the lines are read by a program
        terminal.print("Next: tivax demo --out demo")


def _facts(device: Any, regions: int, sectors: int, devices: int) -> dict[str, Any]:
    """On a CPU all cores are one device, and the memory is that of the machine."""
    cpu = device.platform == "cpu"
    stats = None if cpu else device.memory_stats()
    memory = machine_memory() if cpu else (stats or {}).get("bytes_limit")
    years = None
    if memory is not None and cpu:
        # The devices into which a processor is divided share its memory.
        fits = int(not is_too_large(regions * sectors, _SEVERAL, memory // devices))
        years = dict.fromkeys(_PROGRAMS, fits)
    elif memory is not None:
        years = {
            command: years_that_fit(program, regions, sectors, memory)
            for command, program in _PROGRAMS.items()
        }
    return {
        "device": device.id,
        "platform": device.platform,
        "name": processor_name() if cpu else device.device_kind,
        "cores": _cores() if cpu else None,
        "memory_gib": None if memory is None else round(memory / 2**30, 1),
        "years_at_once": None if years is None else years["tbi"],
        "years": years,
    }


def _streamed(rows: list[dict[str, Any]], n: int) -> str:
    """Years of n x n flows that are too large for this machine, in words; empty for
    none."""
    gpu = any(k["platform"] != "cpu" and k["years_at_once"] == 0 for k in rows)
    if gpu or is_too_large(n):
        return "years"
    return "several years" if is_too_large(n, _SEVERAL) else ""


def _cores() -> int | None:
    """Number of cores that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
