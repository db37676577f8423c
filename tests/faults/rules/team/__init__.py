"""Rules of rooms with members, changed messages, files and read positions. Pure."""
