"""What speaks to AWS: the clients, and KMS and S3 in the terms of those who use them."""
