"""From a transaction log to stages."""
