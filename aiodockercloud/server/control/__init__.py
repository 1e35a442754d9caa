"""The control plane: operations, placement, deployment, observed states."""
