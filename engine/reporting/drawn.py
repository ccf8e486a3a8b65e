"""Figures as they are written, for processes that need no matplotlib."""

from pathlib import Path
from typing import NamedTuple


class Drawn(NamedTuple):
    """A figure as it is written: what ``svg_text`` shows and ``save`` puts in files.

    ``png`` (200 dpi) and ``pdf`` are None where they were not asked for or no font here
    has all letters; ``size`` is in inches.
    """

    svg: str
    png: bytes | None
    pdf: bytes | None
    size: tuple[float, float]

    def save(self, folder: Path, name: str) -> list[str]:
        """Write ``name.svg``, ``.png`` and ``.pdf``, if there are; their names."""
        (folder / f"{name}.svg").write_text(self.svg, encoding="utf-8")
        written = [f"{name}.svg"]
        for ending, content in (("png", self.png), ("pdf", self.pdf)):
            if content is not None:
                (folder / f"{name}.{ending}").write_bytes(content)
                written.append(f"{name}.{ending}")
        return written
