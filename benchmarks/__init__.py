"""Every claim about speed and memory, measured in one run on the machine it is started on.

One question a file; each compares in turn, A B A B, so that a noisy machine disturbs all sides. `rivals` holds what
is compared with. `python -m benchmarks` asks all, prints one table, and keeps figures and pictures in `results`: for
less than an hour on two cores. `python -m benchmarks NAME` asks one, and `--quick` those that do not take long, with
few rounds.
"""
