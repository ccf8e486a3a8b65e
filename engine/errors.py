"""The one error class for expected mistakes."""


class TivaxError(ValueError):
    """A mistake that a user can mend.

    The message is one line: it names the file, year or label and says what to
    do. The command line prints it and exits with 1; anything else is a bug.
    """
