"""Tables rebuilt from their margins: what rounding took, trade by pair, product and use."""
