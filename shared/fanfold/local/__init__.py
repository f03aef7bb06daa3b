"""The embedded AWS: ministack with functions that run as real Lambda runtime clients, on loopback only."""
