"""Models of stages, fitted to panels and histories."""
