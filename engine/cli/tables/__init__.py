"""Commands about world tables."""
