"""Incidents: threads with a status and a lead."""
