"""Workflow nodes: steps of a workflow as Losant exports them (docs/workflow.md)."""
