"""Effects of changed cells of a world table: low-rank updates, prices, linkages."""
