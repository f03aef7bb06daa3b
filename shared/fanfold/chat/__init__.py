"""Commands from a chat: who sent them, what they ask for, and the answer; the HTTP API does what they say."""
