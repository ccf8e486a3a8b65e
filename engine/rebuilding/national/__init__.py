"""World tables rebuilt from anybody's national tables and trade, by a recipe."""
