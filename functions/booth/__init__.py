"""Photo Booth's own code: the contract, the table, the pixels and one adapter per AWS service."""
