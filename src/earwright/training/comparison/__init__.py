"""Runs that have been made: read from their folders, side by side, line by line."""
