"""The tools that build Fanfold: images, bills of materials, generated documents. Never part of an image."""
