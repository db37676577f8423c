"""Every subject, event, frame, error code and close code of Opsroom, as closed typed models.

Nothing here does I/O. Other packages spell no subject, event name or code themselves.
"""
