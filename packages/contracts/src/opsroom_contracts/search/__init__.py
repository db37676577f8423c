"""Search: the language of queries, how words are compared, and the requests and replies."""
