"""Configuration as code for the outbound mail of the Stalwart mail server."""

__version__ = "0.1.0"
