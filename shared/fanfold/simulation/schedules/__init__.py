"""The simulator: production handlers over an AWS in memory, stopped and hurt at any call, one seed a schedule."""
