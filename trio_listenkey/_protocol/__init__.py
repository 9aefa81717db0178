"""LAYER protocol."""
