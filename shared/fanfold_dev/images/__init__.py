"""The five Lambda images: their contents laid out, built with docker or buildah, run, and listed."""
