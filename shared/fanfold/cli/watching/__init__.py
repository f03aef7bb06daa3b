"""The live screen of `fanfold watch`: what it reads, how that is written, and the application that shows it."""
