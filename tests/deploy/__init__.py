"""Tests of images, charts, workflows and lock files."""
