"""Commands that are said in the chat: from the trigger to the reply."""
