"""Try the commands of a chat here, and set a platform up for them."""
