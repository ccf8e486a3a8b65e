"""Readers of country-year databases, one module a database."""
