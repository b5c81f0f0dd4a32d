"""Imports that are taken back: all of it is looked at before any of it is asked for."""
