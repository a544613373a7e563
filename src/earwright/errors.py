"""What a user can cause, and therefore gets to read: one exception, and one warning."""


class EarwrightError(Exception):
    """Something the user can put right: what is wrong, where, and what to do, in one sentence.

    The command line prints the message without a traceback and exits with 1.
    """


class EarwrightWarning(UserWarning):
    """What a user should know of and can live with: one sentence, as of an error."""


def first_line(error: BaseException) -> str:
    """The first line of another library's message, for quoting inside one of ours."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
