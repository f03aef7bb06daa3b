"""Research's environment."""

import msgspec


class Settings(msgspec.Struct, frozen=True, rename="upper", kw_only=True):
    """The bucket of the sweeps, and the folder of the desk's own strategies, "" for none."""

    lake_bucket: str
    strategies: str = ""
