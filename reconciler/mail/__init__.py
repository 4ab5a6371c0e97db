"""What the server does with mail, told from a state without asking it.

Law: pure.
"""
