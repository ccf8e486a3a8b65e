"""Benchmarks: the timed functions, the harness, and side-by-side comparisons."""
