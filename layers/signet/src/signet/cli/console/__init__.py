"""The console: pages on loopback by which an operator looks after a deployment (docs/console.md)."""
