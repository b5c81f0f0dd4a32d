"""How a run's facts take effect and are told, in one transaction."""
