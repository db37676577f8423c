"""The recorded history, and the checks of it."""
