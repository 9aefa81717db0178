"""LAYER venue."""
