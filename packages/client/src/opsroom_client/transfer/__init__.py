"""Export of rooms and messages, and import of them and of the exports of other chats."""
