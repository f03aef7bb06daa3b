"""Signal: folds strategies over bars and publishes targets."""
