"""CodeBuild that builds: projects, and builds whose buildspec's phases run as processes of this machine."""

from sandbox.codebuild.service import CodeBuild

__all__ = ["CodeBuild"]
