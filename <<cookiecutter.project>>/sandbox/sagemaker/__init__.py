"""SageMaker that runs: jobs, pipelines and endpoints as processes."""
