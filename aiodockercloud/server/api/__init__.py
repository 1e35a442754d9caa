"""HTTP: the application, and one module per resource."""
