"""Panels of units by years: simulated ones, and fits of many samples of one."""
