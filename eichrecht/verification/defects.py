"""The net below verification: a defect of this program in one document must not cost the verdicts on the others."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Sequence
from pathlib import PurePath

from eichrecht.evidence import Document, DocumentVerdict, SignedEnvelope, Verdict, problem
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.detached import Verify

log = logging.getLogger(__name__)


def with_net(verify: Verify) -> Verify:
    """Return ``verify`` with an answer for what it must never do, which is to raise.

    Nobody can say what a document is worth that this program fails on, so its verdict is ``indeterminate``; the
    finding names the place in the program, for the report that we ask for. For callers that judge many documents;
    tests call the verifier itself, where a defect stays an exception.
    """

    def caught(document: Document, envelopes: Sequence[SignedEnvelope]) -> DocumentVerdict:
        try:
            return verify(document, envelopes)
        except Exception as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{PurePath(last.filename).name}:{last.lineno}"
            log.error("defect: %s at %s, document SHA-256 %s", type(error).__name__, place, document.sha256)
            finding = problem(Code.DEFECT, "", error=type(error).__name__, place=place)
            return DocumentVerdict(
                document.source, document.sha256, Verdict.INDETERMINATE, (), (), (finding,)
            )

    return caught
