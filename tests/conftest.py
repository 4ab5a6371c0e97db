"""What all tests share: properties are not timed, since the machines that run them are shared and noisy.

Nor is the size of what they are given: whole states of a server are large.
"""

from hypothesis import HealthCheck, settings

# With what is in force as its parent, the profile that hypothesis chooses where CI is set stays in force.
settings.register_profile(
    "untimed",
    settings(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
settings.load_profile("untimed")
