"""What the command line shows: progress bars, tables, and one line for a mistake."""
