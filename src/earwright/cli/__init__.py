"""The command line: one file a verb, each of which parses, calls one function of the package, and prints."""
