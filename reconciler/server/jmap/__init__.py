"""JMAP as RFC 8620 defines it: `protocol` says what is sent and answered, `client` does the talking.

Law: nothing here knows a kind.
"""
