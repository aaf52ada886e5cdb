"""Every claim about speed and memory, measured in one run on the machine it is started on.

One question a file; each compares two things pair by pair, A B A B, so that a noisy machine disturbs both.
`python -m benchmarks` asks all and prints one table; `python -m benchmarks NAME` asks one.
"""
