"""Poisson pseudo maximum likelihood on a cube of years, exporters and importers."""
