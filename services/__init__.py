"""The six deciders, the console and the command line."""
