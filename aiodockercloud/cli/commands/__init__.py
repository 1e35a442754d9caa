"""The commands, by purpose; each module adds its own with ``add_to``."""
