"""The emulated services: moto over HTTP, mended where the product would notice a difference to AWS."""
