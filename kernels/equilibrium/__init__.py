"""Counterfactual equilibria of trade models in changes (exact hat algebra)."""
