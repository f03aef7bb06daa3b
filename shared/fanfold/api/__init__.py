"""The HTTP API as pure functions: requests in, responses out; the same in the cloud and on loopback."""
