"""Tariffs that regions choose: the best, a trade war's, those that answer others."""
