"""Results for replication packages: a real one of `tivax tbi`, hand-made others."""

import hashlib
import json
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from commands import good
from helpers import random_tables, write_arrays

# As `tivax replicate` would read them; the contents do not matter here.
DATA = {
    "data/data.toml": '[kof]\nfile = "raw/KOF_Data_2018.dta"\n',
    "data/tbi.csv": "year,iso3,tbi\n2000,AUT,0.1\n",
    "data/raw/KOF_Data_2018.dta": "kof",
    "data/raw/pwt90.dta": "pwt",
    "data/raw/broad.xlsx": "bis",
}
SOURCES = {"KOF_Data_2018.dta": "kof", "pwt90.dta": "pwt", "broad.xlsx": "bis"}
OUTPUTS = {
    "comparison.csv": "table,coef\n3,1.5\n",
    "panel.csv": "year,iso3,KOFGIdj\n2000,AUT,80.1\n",
    "report.html": "<p>report</p>",
    "tables/table3.csv": "term\n",
    "tables/table3.tex": "term",
    "figures/pooled_parts.svg": "<svg/>",
    "figures/pooled_parts.png": "png",
}
SYSTEM = {
    "os": "Linux-6.1", "processor": "EPYC", "cores": 2,
    "memory_bytes": 16 * 10**9, "peak_memory_bytes": 1_500_000_000,
}  # fmt: skip


def write_files(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def described(path: Path, name: str, key: str) -> dict:
    content = path.read_bytes()
    entry = {key: name, "sha256": hashlib.sha256(content).hexdigest()}
    return {**entry, "bytes": len(content)}


def write_result(
    folder: Path,
    words: list[str],
    inputs: dict[str, str],
    outputs: dict[str, str],
    *,
    manifest: str = "manifest.json",
    **more,
) -> Path:
    """A result folder of a command that was given ``words``; inputs with sources."""
    root = folder.parent
    write_files(folder, outputs)
    content = {
        "command": words[0],
        "argv": ["tivax", *words],
        "tivax": "0.1.0",
        "python": "3.11.7",
        "packages": {"jax": "0.10.1", "numpy": "2.4.6"},
        "started": "2026-11-26T08:00:00+00:00",
        "wall_s": 150.0,
        "seed": 1,
        "device": "cpu: cpu",
        "inputs": [
            {**described(root / path, path, "path"), **({"source": k} if k else {})}
            for path, k in inputs.items()
        ],
        "residual_max": None,
        "outputs": sorted(outputs),
        "system": SYSTEM,
        "files": [described(folder / name, name, "name") for name in sorted(outputs)],
        **more,
    }
    (folder / manifest).write_text(json.dumps(content), encoding="utf-8")
    return folder


def write_replication(root: Path) -> Path:
    """A result of `tivax replicate` and what it was made of, below ``root``."""
    write_files(root, DATA)
    words = ["replicate", "--data", "data", "--out", "replication", "--force"]
    inputs = {name: SOURCES.get(Path(name).name, "") for name in DATA}
    return write_result(root / "replication", words, inputs, OUTPUTS)


def make_index(root: Path) -> Path:
    """``out`` of `tivax tbi` on a small store that was imported from ``raw``."""
    (root / "raw").mkdir(parents=True)
    for table in random_tables(regions=3, sectors=2, years=1):
        write_arrays(root / "raw" / f"world_{table.year}.npz", table)
    good("import", "arrays", "raw", "--out", "store", "--quiet")
    good("tbi", "store", "--out=out", "--quiet")
    return root / "out"


def contents_of(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def unpack(archive: Path, folder: Path):
    """The module run_all.py of an unpacked package, whose commands run in here."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    spec = spec_from_file_location("run_all", folder / "run_all.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    # In this process, for speed.
    vars(module)["find_tivax"] = lambda version: "tivax"
    vars(module)["run_command"] = lambda tivax, argv: good(*argv)
    return module
