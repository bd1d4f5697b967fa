"""Made-up events that keep the contract, and a chosen rate of those that break it.

Belongs here: traffic for the demo, tests and benchmarks. Does not: real sample data (`devstack/samples/`).
The way in is `generate.generate_hours`; `docs/generator.md` says what the events are like.
"""
