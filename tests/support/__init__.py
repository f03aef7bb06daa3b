"""Parts that tests of several folders share: example desks and messages, worlds, and the embedded cloud."""
