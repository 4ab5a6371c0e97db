"""From desired and live state to a plan.

Law: pure.
"""
