"""The wire: JMAP, live state and secrets.

Law: nothing above this room talks to a server.
"""
