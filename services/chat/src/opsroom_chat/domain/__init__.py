"""Domain rules of the chat: pure functions of state, time and ids."""
