"""A load test of the local application: what visitors see, what a photo costs, which promises are kept."""
