"""Write and check strategies of your own."""
