"""Broadcast one frame to many connections, and replay what a returning client missed."""
