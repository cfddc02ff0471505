"""The pages of the service, over the same calls that the REST routes make."""
