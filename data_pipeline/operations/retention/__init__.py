"""How long each stage is kept, in which storage class, and what may be deleted.

Belongs here: the rules as data, the plan, S3 lifecycle rules, restore. Does not: who asks for it (`commands/retention.py`).
"""
