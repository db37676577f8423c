"""Documents that are generated from the contracts: JSON Schema and AsyncAPI."""
