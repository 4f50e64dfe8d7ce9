"""Samplers: problems and a model in, K candidate programs per problem out."""
