"""What runs in the process of the function that is measured."""
