"""Parts of the errors of tables: filled cells, import shares."""
