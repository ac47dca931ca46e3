"""Plumbing shared by services; knows no notification rule."""
