"""Draws of tables with errors: errors of cells, balancing, solves, regressions."""
