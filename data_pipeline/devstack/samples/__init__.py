"""Real sample data as events: an access log and a shop's order lines, with the faults that they really have.

Belongs here: reading the shipped files and mapping them onto the contract. Does not: cleaning, inventing, made-up events.
"""

from data_pipeline.devstack.samples.batches import real_counts, real_input, sample_events

__all__ = ["real_counts", "real_input", "sample_events"]
