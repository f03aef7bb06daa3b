"""Many trials of a strategy: sweeps over params, instruments and windows, and walks forward."""
