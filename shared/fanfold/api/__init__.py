"""The HTTP API as pure functions: requests in, answers out; the same in the cloud and on loopback."""
