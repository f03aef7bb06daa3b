"""Research: trades the batches of sweeps. No part of the desk calls it, or waits for it."""
