"""Why a measure changed: the factors of a table, a path between two years."""
