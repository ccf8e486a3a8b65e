"""Studies that the documentation quotes; run from a checkout, not installed."""
