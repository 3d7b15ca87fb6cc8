"""CodePipeline that runs what it was told: V2 pipelines of sources, builds and approvals.

There is no second description: a pipeline here is what CreatePipeline was given, as CloudFormation gives it.
"""

from sandbox.codepipeline.service import CodePipeline

__all__ = ["CodePipeline"]
