"""Every message of the platform."""
