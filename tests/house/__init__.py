"""The house: settings, environment, processes, layers, scripts, containers."""
