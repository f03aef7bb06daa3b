"""The gate in front of the venue: targets become orders here, or refusals with a code and the figures."""
