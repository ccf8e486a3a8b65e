"""Commands about panels and inference."""
