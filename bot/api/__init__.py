"""The machine interface, `/api/v1`: other systems hand in documents and ask for releases; people review and sign."""
