"""Utterances in shards, written and read as a stream: lhotse's Shar format, tars beside files of cuts.

A data set in shards may lie in a folder or anywhere that fsspec reaches, and may be larger than memory and
than this disk: what training holds of it is its texts as tokens (`data/packed.py`) and a few open shards.
"""
