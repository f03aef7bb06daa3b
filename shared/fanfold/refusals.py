"""What is said when something is wrong: wrong input, a conflict that may be tried again, a venue that is not there."""


class BadInput(ValueError):
    """The caller's input is wrong; the text names the thing and what to do about it."""


class Conflict(Exception):
    """Another writer came first; read again and decide anew."""


class VenueUnavailable(Exception):
    """A venue could not be asked or gave no usable answer; the text names it and what is wrong, to be tried later."""
