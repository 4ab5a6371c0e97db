"""Values that every room speaks in: errors, the model, units and policy.

Law: frozen values; nothing here reads or writes.
"""
