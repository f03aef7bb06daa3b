"""What is said when something is wrong: one exception for wrong input, one for a conflict that may be tried again."""


class BadInput(ValueError):
    """The caller's input is wrong; the text names the thing and what to do about it."""


class Conflict(Exception):
    """Another writer came first; read again and decide anew."""
