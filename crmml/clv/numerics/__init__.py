"""Pure numerics of the models of purchases and spend: likelihoods, gradients, expectations; nothing here knows a frame."""
