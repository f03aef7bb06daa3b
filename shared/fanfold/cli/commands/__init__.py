"""The commands of `fanfold`, one a file, named like it; `fanfold.cli.app` lists them."""
