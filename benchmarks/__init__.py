"""Measured programs behind `data-pipeline bench`: ours and the peers, in one run, in turns."""
