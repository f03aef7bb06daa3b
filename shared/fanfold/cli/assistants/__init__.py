"""The desk as assistants may use it: tools with scopes, budgets, a log of calls, and tickets that people approve."""
