"""The five Lambda images: lay out their contents, build them with docker or buildah, run them, list what they hold."""
