"""Simulated panels, and which p-value keeps its level in them or in one's own."""
