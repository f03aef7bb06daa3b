"""The embedded AWS: ministack with functions that run as real Lambda runtime clients, loopback only."""
