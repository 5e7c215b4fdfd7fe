"""The whole chain on real processes: the service, an eMSP, sessions from simulated meters or from a file."""
