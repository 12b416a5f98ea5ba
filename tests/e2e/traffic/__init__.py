"""The table of traffic cases (rows.py tells its form), and what runs it against real proxies and `fairway evaluate`."""
