"""Commands that bots offer: which there are, and how one is called."""
