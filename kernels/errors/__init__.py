"""Errors of tables: a module for each kind has its variances and its draws.

``kind`` says what a kind does, ``margins`` how errors leave known sums as they are;
``cells``, ``rounding``, ``import_shares`` and ``rebuilt`` are the kinds. ``solving``
solves drawn tables, ``regressions`` takes them through to estimates.
"""
