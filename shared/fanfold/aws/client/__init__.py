"""A light AWS client behind one seam, ``call(service, operation, parameters)``."""
