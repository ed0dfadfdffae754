"""What several tests use: plain functions; what must be set up first is a fixture in conftest.py."""
