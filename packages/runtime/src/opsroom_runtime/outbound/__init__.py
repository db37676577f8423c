"""Requests to addresses that other people name: they may be anything."""
