"""Unwrapping: what lies around a signed record is removed layer by layer, and each layer is named."""

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.unwrap import Recogniser, Unwrapped, unwrap

__all__ = ["ContainerCode", "Recogniser", "Unwrapped", "unwrap"]
