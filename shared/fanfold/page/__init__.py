"""The desk's page: a script, a style sheet and a document, built from shared/web/desk, and the files around them."""
