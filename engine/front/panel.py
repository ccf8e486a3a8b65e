"""The panel of countries and years: ``tx.panel.build_panel(files)``."""

from tivax.engine.panel import DataFiles as DataFiles
from tivax.engine.panel import FurtherData as FurtherData
from tivax.engine.panel import Panel as Panel
from tivax.engine.panel import build_panel as build_panel
from tivax.engine.panel import read_data_files as read_data_files
