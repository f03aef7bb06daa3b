"""The faults of commands that their caller can do something about, or wait for; every other exception is a bug."""

from fanfold.aws.client.call import AwsFault
from fanfold.errors import BadInput, NothingThere, NotReachable, VenueUnavailable

# Faults of this machine are OSError, which the command line words by their number.
EXPECTED = (BadInput, NothingThere, NotReachable, VenueUnavailable, AwsFault)
