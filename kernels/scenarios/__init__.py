"""What changes when cells of a world table do: low-rank updates, prices, linkages."""
