"""Which p-value to trust for a panel: what it gives, what its own simulations say."""
