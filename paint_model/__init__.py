"""An image model of one's own, for a SageMaker endpoint or a machine with a GPU: paints the masked part of a photo."""
