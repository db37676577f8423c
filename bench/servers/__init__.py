"""The servers under load: the portal and its peers, and the core they run on."""
