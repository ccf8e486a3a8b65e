"""Tables rebuilt from their margins: rounding undone, trade by product and use."""
