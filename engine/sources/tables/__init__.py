"""Readers of databases of world tables, one module a database."""
