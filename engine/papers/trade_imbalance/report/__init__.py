"""The report of a replication, one module a section."""
