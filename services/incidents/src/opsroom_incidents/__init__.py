"""The incidents service of Opsroom: commands that are said in the chat, and what comes in from outside."""
