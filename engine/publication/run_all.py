#!/usr/bin/env python3
"""Reproduce the results of this replication package, and compare them.

    python3 run_all.py

Checks the input files, installs the version of tivax that made the results where it is
not installed, runs every command of package.json into reproduced/, and compares what it
wrote with results/. Needs Python's standard library only. The exit code is 0 if every
table is the same to the byte, or to rounding.
"""

import csv
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# Relative to the largest number of a column: other processors round other last digits.
TOLERANCE = 1e-6
# Columns that no two runs share.
TIMES = ("draws_per_s",)
TABLES = (".csv", ".parquet", ".dta", ".xlsx", ".tex", ".md")


def sha256(path: Path) -> str:
    """SHA-256 of a file; of a folder, that of its sorted names and file sums."""
    total = hashlib.sha256()
    if path.is_dir():
        for file in sorted(k for k in path.rglob("*") if k.is_file()):
            name = file.relative_to(path).as_posix()
            total.update(f"{name} {sha256(file)}\n".encode())
        return total.hexdigest()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def check_inputs(inputs: list[dict[str, Any]]) -> None:
    """Print what is missing or wrong, with where to get it, and stop if anything is."""
    problems = []
    for one in inputs:
        path = HERE / one["place"]
        if not path.exists():
            problems.append(f"{one['place']}: missing; {one['get']}")
        elif sha256(path) != one["sha256"]:
            problems.append(f"{one['place']}: not the file that was used; {one['get']}")
    for line in problems:
        print(line, file=sys.stderr)
    if problems:
        sys.exit(f"{len(problems)} of {len(inputs)} input files are missing or wrong")
    print(f"{len(inputs)} input files: checksums agree")


def find_tivax(version: str) -> str:
    """The command ``tivax`` of this version; installed into .venv if there is none."""
    scripts = "Scripts" if os.name == "nt" else "bin"
    own = HERE / ".venv" / scripts / "tivax"
    for command in (Path(sys.executable).parent / "tivax", shutil.which("tivax"), own):
        if command and installed_version(command) == version:
            return str(command)
    print(f"installing tivax {version} into .venv", flush=True)
    venv.create(HERE / ".venv", with_pip=True)
    pip = [str(own.parent / "python"), "-m", "pip", "install", "--quiet"]
    pip += ["-r", "requirements.txt"]
    for option, name in ("--find-links", "software"), ("-c", "constraints.txt"):
        pip += [option, name] if (HERE / name).exists() else []
    done = subprocess.run(pip, cwd=HERE)
    if done.returncode:
        sys.exit(
            f"tivax {version} cannot be installed; install it by hand, or put its "
            "wheel into the folder software"
        )
    return str(own)


def installed_version(command: str | Path) -> str | None:
    """The version that a command prints; None where it does not run."""
    words = [str(command), "--version"]
    try:
        done = subprocess.run(words, capture_output=True, text=True)
    except OSError:
        return None
    found = done.stdout.strip().removeprefix("tivax ")
    return found if done.returncode == 0 else None


def run_command(tivax: str, argv: list[str]) -> None:
    """Run a command in the folder of the package, and stop if it fails."""
    print("tivax", *argv, flush=True)
    if subprocess.run([tivax, *argv], cwd=HERE).returncode:
        sys.exit(f"tivax {argv[0]} failed")


def compare(run: dict[str, Any]) -> list[dict[str, str]]:
    """A row for each file of a run: its name, and how it compares."""
    rows = []
    for entry in run["files"]:
        name = entry["name"]
        new, old = HERE / run["out"] / name, HERE / run["expected"] / name
        if not new.exists():
            found = "missing"
        elif sha256(new) == entry["sha256"]:
            found = "same to the byte"
        elif not name.endswith(TABLES):
            found = "other bytes (figure or report)"
        elif old.exists() and name.endswith(".csv"):
            found = compare_csv(new, old)
        else:
            found = "differs"
        rows.append({"result": run["name"], "file": name, "comparison": found})
    return rows


def compare_csv(new: Path, old: Path) -> str:
    """Say how far numbers are apart, relative to the largest of their column."""
    ours, theirs = read_csv(new), read_csv(old)
    if list(ours) != list(theirs):
        return "differs: other columns"
    worst = 0.0
    for column in ours:
        one, other = ours[column], theirs[column]
        if column in TIMES or one == other:
            continue
        if len(one) != len(other):
            return "differs: other rows"
        pairs = zip(one, other, strict=True)
        cells = [(number(a), number(b), a == b) for a, b in pairs]
        if any(None in (a, b) and not same for a, b, same in cells):
            return f"differs: column {column}"
        finite = [(a, b) for a, b, _ in cells if a is not None and b is not None]
        scale = max(abs(b) for _, b in finite) or 1.0
        worst = max(worst, *(abs(a - b) / scale for a, b in finite))
    return f"same to {worst:.0e}" if worst <= TOLERANCE else f"differs by {worst:.0e}"


def read_csv(path: Path) -> dict[str, list[str]]:
    """The columns of a file, as texts."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    return {name: [row[k] for row in rows[1:]] for k, name in enumerate(rows[0])}


def number(text: str) -> float | None:
    """A finite number, else None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def main() -> None:
    """Check, install, run, compare."""
    plan = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    check_inputs([k for k in plan["inputs"] if not k["made"]])
    if (HERE / "reproduced").exists():
        sys.exit("reproduced/ exists from an earlier run; remove it and start again")
    tivax = find_tivax(plan["tivax"])
    (HERE / "reproduced").mkdir()
    for argv in plan["imports"]:
        if not (HERE / argv[argv.index("--out") + 1]).exists():
            run_command(tivax, argv)
    rows: list[dict[str, str]] = []
    for run in plan["runs"]:
        for made, place in run["copies"]:
            if not (HERE / place).exists():
                (HERE / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(HERE / made, HERE / place)
        run_command(tivax, run["argv"])
        rows += compare(run)
    table = HERE / "reproduced" / "comparison_of_files.csv"
    with table.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, ["result", "file", "comparison"])
        writer.writeheader()
        writer.writerows(rows)
    bad = [k for k in rows if k["comparison"].startswith(("differs", "missing"))]
    same = sum(k["comparison"] == "same to the byte" for k in rows)
    for row in bad:
        print(f"{row['result']}/{row['file']}: {row['comparison']}", file=sys.stderr)
    print(f"{same} of {len(rows)} files are the same to the byte")
    print("reproduced/comparison_of_files.csv lists every file")
    if bad:
        sys.exit(f"{len(bad)} of {len(rows)} files differ")
    print("Every table is reproduced.")


if __name__ == "__main__":
    main()
