"""What several tests here are given."""

import pytest

from ocpi.objects.cdr import Cdr
from tests.ocpi.cdrs.cdr_samples import (
    make_cdr,
)
from tests.ocpi.cdrs.reconcile_support import SIGNED


@pytest.fixture
def cdr() -> Cdr:
    return make_cdr(signed_data=SIGNED)
