"""What a Lambda function needs around its verb: settings, secrets, its queue."""
