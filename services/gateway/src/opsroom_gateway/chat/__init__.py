"""Requests to the chat service that more than one API makes."""
