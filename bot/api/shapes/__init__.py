"""What requests and answers look like. The descriptions are those of the OpenAPI document."""
