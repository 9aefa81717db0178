"""LAYER shell."""
