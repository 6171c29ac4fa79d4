"""Observation models: likelihoods of one signal given what a model predicts."""
