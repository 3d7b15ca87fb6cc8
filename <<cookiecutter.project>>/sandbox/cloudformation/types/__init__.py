"""The types of each service, a module each; sandbox/cloudformation/__init__.py says how one is added."""
