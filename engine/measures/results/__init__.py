"""What the commands of measures compute, as results that describe themselves."""
