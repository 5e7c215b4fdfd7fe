"""Errors that the command line turns into a sentence and exit status 64."""


class InputError(Exception):
    """The command line cannot be used; ``str()`` is a sentence for the user."""
