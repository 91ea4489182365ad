"""Inputs that nobody would send by good will: how they are made, and the commands that send them (`make fuzz`)."""
