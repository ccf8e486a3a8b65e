"""Results of the commands of measures, which describe themselves."""
