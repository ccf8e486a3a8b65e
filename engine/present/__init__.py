"""Words, figures and tables of print of results: a page a result and language."""
