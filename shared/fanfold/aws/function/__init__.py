"""The surroundings of a verb in a Lambda function: settings, secrets, the consumer of its queue."""
