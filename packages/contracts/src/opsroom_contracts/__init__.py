"""Every subject, event, frame, error code and close code of Opsroom, as typed models.

Nothing here does I/O. Other packages import these names instead of spelling them as literals.
"""
