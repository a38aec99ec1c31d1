"""The local gateway: serves template.yaml's routes on loopback, with an embedded AWS, in one process."""
