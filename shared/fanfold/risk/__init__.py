"""Pre-trade risk: turn targets into orders, or refuse them with a code and the figures that decided."""
