"""Samplers: from problems and a model to K candidate programs per problem."""
