"""The words of the report: ``report.md``, whose holes the sections fill."""

from pathlib import Path

from ....reporting import Document

REPORT = Document(Path(__file__).with_name("report.md"))
