"""A stand-in for Redshift, for tests only: PostgreSQL behind a loopback proxy that the real driver and dbt adapter talk to.

It is not Redshift. It strips what PostgreSQL lacks (distribution, sort keys, encodings, keys that Redshift does not
enforce), does COPY from a manifest itself inside the same transaction, and refuses every statement that it does not know.
"""
