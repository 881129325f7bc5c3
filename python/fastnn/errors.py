"""The exceptions that fastnn adds to Python's own."""


class FormatError(ValueError):
    """What a file contains is damaged, foreign or unsupported.

    Raised by every reader of fastnn, and the only exception that the *content* of a file can cause. The message begins
    with the file's path and names the tensor, record or offset. Failures of the operating system (missing file, no
    permission, full disk) stay `OSError`.
    """


class NonFiniteLossError(ArithmeticError):
    """The loss or a parameter became NaN or infinite; the message says where."""
