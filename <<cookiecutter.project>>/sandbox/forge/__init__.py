"""The forge on a laptop: GitHub's REST API and git, on a real bare repository. See docs/sandbox.md."""
