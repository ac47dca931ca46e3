"""The tables of inbox, and its hint channel on Redis."""
