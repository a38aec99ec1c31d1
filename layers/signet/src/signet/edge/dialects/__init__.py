"""How each product words an answer and a refusal. One module per product, one object in each."""
